import Core
import Crypto
import Weights

/// An adapter's tensors by name, wherever they are.
struct AdapterContent {
    /// Sorted.
    let names: [String]
    /// The file's name for messages.
    let file: String
    private let lookUp: (String) throws(WeightsError) -> HostTensor?

    init(names: [String], file: String, lookUp: @escaping (String) throws(WeightsError) -> HostTensor?) {
        self.names = names
        self.file = file
        self.lookUp = lookUp
    }

    func tensor(_ name: String) throws(AdapterError) -> HostTensor {
        do throws(WeightsError) {
            guard let tensor = try lookUp(name) else { throw .missing(file: file, key: name) }
            return tensor
        } catch {
            throw .file(error)
        }
    }

    /// The SHA-256 of what the adapter computes.
    ///
    /// Equal content has one identity, whatever its directory, the order of its tensors or the format of its
    /// configuration.
    ///
    ///     "punica adapter 1\n"
    ///     for each tensor, by name:   name, type, dimensions, bytes
    ///     for each changed module, in the order of the forward pass:   path, rank, scale, whether DoRA
    ///
    /// Texts, dimensions and byte strings are each preceded by their length; numbers are 64-bit little-endian; the
    /// scale is the bit pattern of its float32.
    func digest(modules: [(path: String, rank: Int, scale: Float, usesDora: Bool)]) throws(AdapterError)
        -> AdapterDigest
    {
        var hash = SHA256()
        hash.update(data: Array("punica adapter 1\n".utf8))
        hash.update(names.count)
        for name in names {
            let tensor = try tensor(name)
            hash.update(name)
            hash.update(tensor.type.rawValue)
            hash.update(tensor.shape.count)
            for dimension in tensor.shape { hash.update(dimension) }
            hash.update(tensor.bytes.count)
            hash.update(bufferPointer: tensor.bytes)
        }
        hash.update(modules.count)
        for module in modules {
            hash.update(module.path)
            hash.update(module.rank)
            hash.update(Int(module.scale.bitPattern))
            hash.update(module.usesDora ? 1 : 0)
        }
        return AdapterDigest(bytes: hash.finalize())
    }
}

extension SHA256 {
    fileprivate mutating func update(_ number: Int) {
        withUnsafeBytes(of: UInt64(number).littleEndian) { update(bufferPointer: $0) }
    }

    fileprivate mutating func update(_ text: String) {
        update(text.utf8.count)
        update(data: Array(text.utf8))
    }
}
