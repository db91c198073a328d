/// How a product of up to 64 rows is cut up; one kernel serves all products of a geometry (dense_wide.cu).
struct WideGeometry: Hashable {
    /// Outputs of one of a block's two warpgroups that multiply; a multiple of 8.
    let columns: Int
    /// Blocks that share outputs, each with a part of the inputs.
    let cluster: Int
    /// Stages on their way.
    let depth: Int

    /// Of a warpgroup, at most: as many as sums fit its registers.
    private static var mostColumns: Int { 216 }
    private static var rows: Int { 64 }
    private static var rowBytes: Int { 128 }
    static var clusters: [Int] { [1, 2, 4] }
    /// A warpgroup that feeds and two that multiply.
    static var threads: Int { 3 * 128 }
    /// Less does not hide the memory's latency.
    private static var leastDepth: Int { 3 }

    /// - Returns: nil where the kernel cannot, or a block would read more of x than of weights.
    init?(outputs: Int, inputs: Int, cluster: Int, device: StreamedGeometry.Device) {
        let stages = (inputs + Self.rowBytes / 2 - 1) / (Self.rowBytes / 2)
        guard outputs % 8 == 0, inputs % 8 == 0, stages >= cluster else { return nil }
        let groups = max(1, device.multiprocessors / cluster) * 2
        let waves = (outputs + groups * Self.mostColumns - 1) / (groups * Self.mostColumns)
        let share = (outputs + groups * waves - 1) / (groups * waves)
        columns = (share + 7) / 8 * 8
        self.cluster = cluster
        // The kernel's barriers come first, and the queue begins at a multiple of 1024.
        let room = device.sharedBytes - 1024
        depth = min(8, room / Self.stageBytes(columns: columns))
        guard 2 * columns >= Self.rows, depth >= Self.leastDepth else { return nil }
    }

    /// Of all blocks.
    func grid(outputs: Int) -> Int { (outputs + 2 * columns - 1) / (2 * columns) * cluster }

    /// Dynamic shared memory of a block.
    var sharedBytes: Int { depth * Self.stageBytes(columns: columns) }

    private static func stageBytes(columns: Int) -> Int { (rows + 2 * columns) * rowBytes }
}
