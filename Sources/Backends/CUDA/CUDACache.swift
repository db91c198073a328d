internal import Core

/// The paged cache on the device, block by block and in each block layer by layer, keys before values:
/// `[blocks, layers, 2, heads, blockSize, headSize]` (Punica section 5.4).
struct CUDACache {
    let shape: KVShape
    let address: UInt64

    init(_ shape: KVShape, address: UInt64) {
        self.shape = shape
        self.address = address
    }

    var layerBytes: Int { Self.blockBytes(shape) / shape.layers }

    static func blockBytes(_ shape: KVShape) -> Int {
        2 * 2 * shape.layers * shape.heads * shape.blockSize * shape.headSize
    }

    func address(_ block: BlockID) -> UInt64 { address + UInt64(Int(block.rawValue) * Self.blockBytes(shape)) }
}
