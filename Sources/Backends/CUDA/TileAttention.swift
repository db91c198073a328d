internal import CUDA
internal import CUDAKernels

/// Attention of steps in which a sequence has several rows (attention_tiles.cu).
final class TileAttention {
    private let attend: Kernel
    private let shape: ModelShape
    private let sequences: Int

    /// Rows of a tile.
    private static var tileRows: Int { 64 }

    init(_ module: Module, shape: ModelShape, limits: BatchLimits) throws(CUDAError) {
        attend = try module.kernel("punica_attend_tiles")
        self.shape = shape
        sequences = limits.sequences
    }

    /// Tiles of a sequence of so many rows.
    func tiles(rows: Int) -> Int { (rows * group + Self.tileRows - 1) / Self.tileRows }

    /// A bound of the tiles of sequences with so many rows in all: each may leave its last one all but empty.
    func mostTiles(rows: Int) -> Int { rows * group / Self.tileRows + min(sequences, rows) }

    private var group: Int { shape.heads / shape.keyValueHeads }

    /// - Parameters:
    ///   - parameters: all but scale, which is set here.
    ///   - tiles: at least those of all sequences that are not left out.
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
