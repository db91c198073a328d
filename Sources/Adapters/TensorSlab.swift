import Core

/// Copies of tensors in one block of memory, each aligned to a cache line.
struct TensorSlab {
    /// In the order given.
    let tensors: [HostTensor]
    /// The block's size, alignment included.
    let byteCount: Int

    private static let alignment = 64

    init(_ sources: [HostTensor]) {
        var offsets: [Int] = []
        var end = 0
        for source in sources {
            offsets.append(end)
            end += (source.bytes.count + Self.alignment - 1) / Self.alignment * Self.alignment
        }
        let memory = HostMemory(byteCount: end)
        for (source, offset) in zip(sources, offsets) {
            UnsafeMutableRawBufferPointer(rebasing: memory.bytes[offset..<offset + source.bytes.count])
                .copyMemory(from: source.bytes)
        }
        tensors = zip(sources, offsets).map { memory.tensor(type: $0.type, shape: $0.shape, offset: $1) }
        byteCount = end
    }
}
