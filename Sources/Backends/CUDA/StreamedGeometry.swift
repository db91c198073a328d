/// How a product of few rows is cut up; one kernel serves all products of a geometry.
struct StreamedGeometry: Hashable {
    /// Tiles of 8 weight rows that a block has in hand at once.
    let tiles: Int
    /// Tiles of 8 rows of activations: 1, 2 or 4.
    let rowTiles: Int
    /// Stages that each warp has on their way.
    let depth: Int

    /// Of a stage's tile.
    private static var tileBytes: Int { 1024 }
    private static var warps: Int { 8 }

    /// What of a GPU matters here.
    struct Device {
        let multiprocessors: Int
        /// Shared memory that a block may have.
        let sharedBytes: Int
    }

    /// - Parameter rows: of activations, at most 32.
    init(outputs: Int, rows: Int, device: Device) {
        rowTiles = rows <= 8 ? 1 : rows <= 16 ? 2 : 4
        // By registers, and so that two stages of each warp fit beside the low-rank kernel.
        let most = rowTiles == 1 ? 6 : 4
        let share = ((outputs + 7) / 8 + device.multiprocessors - 1) / device.multiprocessors
        let sets = (share + most - 1) / most
        tiles = (share + sets - 1) / sets
        let stage = Self.stageBytes(tiles: tiles, rowTiles: rowTiles)
        // More than leaves a block of the low-rank kernel its place gains nothing.
        let room = min(132 << 10, device.sharedBytes - Self.fixedBytes)
        depth = min(4, max(2, (room - Self.partsBytes(tiles: tiles, rowTiles: rowTiles)) / stage))
    }

    /// Dynamic shared memory of a block.
    var sharedBytes: Int {
        depth * Self.stageBytes(tiles: tiles, rowTiles: rowTiles) + Self.partsBytes(tiles: tiles, rowTiles: rowTiles)
    }

    /// Whether a block can have so much memory.
    func fits(_ device: Device) -> Bool { sharedBytes + Self.fixedBytes <= device.sharedBytes }

    /// The kernel's own, beyond what a launch asks for.
    private static var fixedBytes: Int { 2048 }

    /// Of all warps.
    private static func stageBytes(tiles: Int, rowTiles: Int) -> Int { warps * (tiles + rowTiles) * tileBytes }

    /// Where warps' sums meet.
    private static func partsBytes(tiles: Int, rowTiles: Int) -> Int {
        let pitch = 8 * tiles + (tiles % 2 == 0 ? 8 : 0)
        return 4 * (rowTiles < 4 ? warps : warps / 2) * rowTiles * 8 * pitch
    }
}
