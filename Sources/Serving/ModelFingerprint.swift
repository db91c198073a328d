internal import Core
internal import Crypto
internal import Weights

extension ModelDirectory {
    /// Bytes of each tensor that count, from its start and from its end.
    private static var sampleBytes: Int { 512 }

    /// Tells models apart, of equal shapes too, without reading their weights whole: 16 hexadecimal digits of a hash of
    /// every tensor's name, type, shape, first and last bytes.
    ///
    /// Runners of one cluster must have the same, since requests move between them in the middle of an answer.
    package func fingerprint() throws -> String {
        var hash = SHA256()
        for name in checkpoint.names {
            let tensor = try checkpoint.tensor(named: name)
            hash.update(data: Array("\(name) \(tensor.type) \(tensor.shape)\n".utf8))
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: tensor.bytes.prefix(Self.sampleBytes)))
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: tensor.bytes.suffix(Self.sampleBytes)))
        }
        let digits = hash.finalize().prefix(8).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return digits.joined()
    }
}
