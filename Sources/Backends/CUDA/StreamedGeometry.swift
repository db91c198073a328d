/// How a product of few rows is cut up; one kernel serves all products of a geometry (dense_stream.cu).
struct StreamedGeometry: Hashable {
    /// Tiles of 8 weight rows that a block has in hand at once.
    let tiles: Int
    /// Tiles of 8 rows of activations: 1, 2 or 4.
    let rowTiles: Int
    /// Stages that each warp has on their way.
    let depth: Int
    /// Whether rows may have adapters.
    let updates: Bool

    /// Of a stage's tile.
    private static var tileBytes: Int { 1024 }
    private static var warps: Int { 8 }
    private static var mostTiles: Int { 4 }

    /// What of a GPU matters here.
    struct Device {
        let multiprocessors: Int
        /// Shared memory that a block may have.
        let sharedBytes: Int
    }

    /// - Parameter rows: of activations, at most 32.
    init(outputs: Int, rows: Int, updates: Bool, device: Device) {
        self.updates = updates
        rowTiles = rows <= 8 ? 1 : rows <= 16 ? 2 : 4
        let share = Self.share(outputs: outputs, device)
        let sets = (share + Self.mostTiles - 1) / Self.mostTiles
        tiles = (share + sets - 1) / sets
        let stage = Self.stageBytes(tiles: tiles, rowTiles: rowTiles)
        let fixed = Self.fixedBytes(rowTiles: rowTiles, updates: updates)
        // A queue that is deeper makes all other loads wait longer; and updates of 32 rows load adapters through the first
        // cache, to which more than 164 KiB of a multiprocessor's 228 leave too little (a step takes 2.5 % longer).
        let most = updates && rowTiles == 4 ? (163 << 10) - fixed : 170 << 10
        let room = min(most, device.sharedBytes - fixed)
        depth = min(4, max(2, (room - Self.partsBytes(tiles: tiles, rowTiles: rowTiles)) / stage))
    }

    /// Dynamic shared memory of a block.
    var sharedBytes: Int {
        depth * Self.stageBytes(tiles: tiles, rowTiles: rowTiles) + Self.partsBytes(tiles: tiles, rowTiles: rowTiles)
    }

    /// Threads of a block, the last 256 for low-rank updates.
    var threads: Int { updates ? 512 : 256 }

    /// Whether such a product is quicker than the library's: each set of tiles reads all activations again.
    static func pays(outputs: Int, rows: Int, _ device: Device) -> Bool {
        rows <= 16 || share(outputs: outputs, device) <= mostTiles + 1
    }

    /// Whether a product without updates can be computed so, and should be.
    static func serves(outputs: Int, inputs: Int, rows: Int, _ device: Device) -> Bool {
        let geometry = StreamedGeometry(outputs: outputs, rows: rows, updates: false, device: device)
        return inputs % 8 == 0 && geometry.fits(device) && pays(outputs: outputs, rows: rows, device)
    }

    /// Tiles that a block has in all, at most.
    private static func share(outputs: Int, _ device: Device) -> Int {
        ((outputs + 7) / 8 + device.multiprocessors - 1) / device.multiprocessors
    }

    /// Whether a block can have so much memory.
    func fits(_ device: Device) -> Bool {
        sharedBytes + fixedBytes <= device.sharedBytes
    }

    private var fixedBytes: Int { Self.fixedBytes(rowTiles: rowTiles, updates: updates) }

    /// The kernel's own, beyond what a launch asks for: rows' factors, and at most what updates are made of.
    private static func fixedBytes(rowTiles: Int, updates: Bool) -> Int {
        guard updates else { return 1 << 10 }
        // As the kernel checks.
        return 8 * rowTiles * 4 * 36 + (14 << 10)
    }

    /// Of all warps.
    private static func stageBytes(tiles: Int, rowTiles: Int) -> Int { warps * (tiles + rowTiles) * tileBytes }

    /// Where warps' sums meet.
    private static func partsBytes(tiles: Int, rowTiles: Int) -> Int {
        let pitch = 8 * tiles + (tiles == 2 ? 8 : 0)
        return 4 * (rowTiles < 4 ? warps : warps / 2) * rowTiles * 8 * pitch
    }
}
