/// The files of an adapter's directory, as PEFT names them; nothing else is exchanged.
package enum AdapterFile: String, CaseIterable, Sendable {
    case configuration = "adapter_config.json"
    case tensors = "adapter_model.safetensors"
}

/// The most bytes that each file of an adapter may have; a longer one is refused before it fills a disk.
package struct AdapterFileLimits: Sendable, Equatable {
    package var configurationBytes: Int
    package var tensorBytes: Int

    package init(configurationBytes: Int = 1 << 20, tensorBytes: Int = 16 << 30) {
        self.configurationBytes = configurationBytes
        self.tensorBytes = tensorBytes
    }

    package subscript(file: AdapterFile) -> Int {
        switch file {
        case .configuration: configurationBytes
        case .tensors: tensorBytes
        }
    }
}
