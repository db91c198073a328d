package import Weights

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads PEFT directories: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Strict: an adapter either loads whole, with every tensor applied, or is refused with an error that names the key,
/// the bound and the value. See `AdapterConfiguration` and `AdapterTensors` for what the files may hold.
package struct AdapterLoader: Sendable {
    package let model: ModelConfiguration
    /// Needed for the norms of DoRA and to recognise copies of base weights; nil describes adapters without them.
    package let base: Checkpoint?
    /// The longest tensor file that is read, in bytes.
    package let maxFileBytes: Int

    /// - Parameter base: nil for a process that only names adapters: what it loads has its digest, its summary and its
    ///   size, but no tensors, and was checked as far as that goes without the base's weights.
    package init(model: ModelConfiguration, base: Checkpoint?, maxFileBytes: Int = 1 << 40) {
        self.model = model
        self.base = base
        self.maxFileBytes = maxFileBytes
    }

    /// Loads an adapter into memory of its own; blocks while it reads.
    ///
    /// - Parameter directory: need not stay as it is afterwards.
    package func load(directory: String) throws(AdapterError) -> LoadedAdapter {
        let configuration = try configuration(directory + "/adapter_config.json")
        let path = directory + "/adapter_model.safetensors"
        let file: SafetensorsFile
        do throws(WeightsError) {
            try Self.refusePickle(directory: directory, path: path)
            file = try SafetensorsFile(reading: path, limit: maxFileBytes)
        } catch {
            throw .file(error)
        }
        let content = AdapterContent(names: file.names, file: path) { (name) throws(WeightsError) in
            try file.tensor(named: name)
        }
        return try AdapterAssembly(content: content, configuration: configuration, model: model, base: base).adapter()
    }

    private func configuration(_ path: String) throws(AdapterError) -> AdapterConfiguration {
        let text: [UInt8]
        do throws(WeightsError) {
            text = try FileBytes.array(path: path, limit: ConfigurationFields.maxBytes)
        } catch {
            throw .file(error)
        }
        return try AdapterConfiguration(parsing: text, file: path)
    }

    private static func refusePickle(directory: String, path: String) throws(WeightsError) {
        let pickle = "adapter_model.bin"
        guard access(path, F_OK) != 0, access(directory + "/" + pickle, F_OK) == 0 else { return }
        throw .unsupported(file: directory, key: "tensor file", value: pickle, supported: "adapter_model.safetensors")
    }
}
