internal import CUDA
internal import CUDAKernels

/// Attention of the sequences with several rows in a step (attention_tiles.cu).
final class TileAttention {
    private let attend: Kernel
    private let shape: ModelShape

    /// Rows of a tile.
    private static var tileRows: Int { 64 }

    init(_ module: Module, shape: ModelShape) throws(CUDAError) {
        attend = try module.kernel("punica_attend_tiles")
        self.shape = shape
    }

    /// Tiles of a sequence of so many rows, of which there are several.
    func tiles(rows: Int) -> Int { (rows * group + Self.tileRows - 1) / Self.tileRows }

    private var group: Int { shape.heads / shape.keyValueHeads }

    /// - Parameters:
    ///   - parameters: all but scale, which is set here.
    ///   - tiles: at least those of all sequences with several rows.
    func run(_ parameters: TileAttentionParams, tiles: Int, on stream: Stream) throws(CUDAError) {
        var parameters = parameters
        parameters.scale = Float(1.4426950408889634 / Double(shape.headSize).squareRoot())
        let depth = (shape.headSize + 15) / 16 * 16
        let keys = depth <= 128 ? 64 : 32
        try attend.launch(
            parameters,
            grid: (shape.keyValueHeads, tiles, 1),
            block: 128,
            sharedBytes: 2 * (Self.tileRows + 4 * keys) * (depth + 8),
            overlapsPredecessor: true,
            on: stream
        )
    }
}
