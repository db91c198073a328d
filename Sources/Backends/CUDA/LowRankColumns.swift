internal import CUDAKernels
internal import Core

/// A step's segments whose updates are columns of their products: `y = [x | v]·[W | B]ᵀ` with `v = scale · x·Aᵀ` (SGMV,
/// Punica section 4, by the base's own product).
///
/// A long segment's expand reads and writes little but y, which this spares. v's two 16-bit terms have columns of their
/// own. Room for the columns lies behind the inputs of each weight and of the rows that products read.
struct LowRankColumns: Equatable {
    /// Ranks of a segment that one block of columns serves.
    struct Block: Equatable {
        let rows: Range<Int32>
        let slot: Int32
        let firstRank: Int32
    }

    private(set) var first: Block?
    private(set) var second: Block?

    /// A segment of fewer rows does not pay for what the columns cost each step.
    static let leastRows = 64
    static let ranks = Int(LOW_RANK_COLUMN_RANKS)
    static let blocks = Int(LOW_RANK_COLUMN_BLOCKS)
    /// Elements behind the inputs of rows that products read.
    static let inputRoom = width(members: 3, blocks: blocks)

    /// Elements behind the inputs of a weight.
    static func weightRoom(for target: AdapterTarget) -> Int {
        guard case .projections(_, let group) = target else { return 0 }
        return width(members: group.projections.count, blocks: blocks)
    }

    /// Bytes behind the inputs of all of a model's weights.
    static func weightBytes(_ groups: LowRankGroups) -> Int {
        groups.layers
            * LowRankGroups.all.reduce(0) { sum, group in
                let members = groups.members(of: group)
                return sum + 2 * members.outputs.reduce(0, +) * width(members: members.outputs.count, blocks: blocks)
            }
    }

    /// Columns of so many blocks of a group with so many members.
    private static func width(members: Int, blocks: Int) -> Int { 2 * ranks * members * blocks }

    /// Whether a model's matrices have room for columns. Values of v may be too large for float16.
    static func serve(_ groups: LowRankGroups, type: ScalarType) -> Bool {
        type == .bfloat16 && LowRankGroups.all.allSatisfy { groups.members(of: $0).inputs % 8 == 0 }
    }

    /// No columns.
    init() {}

    /// The longest segments whose ranks there is room for.
    ///
    /// - Parameter rank: of a segment's adapter, the largest; nil where its updates cannot be columns.
    init(_ segments: borrowing [Segment], rank: (AdapterSlot) -> Int?) {
        while let next = longest(of: segments, rank) { append(next.segment, rank: next.rank) }
    }

    private func longest(
        of segments: borrowing [Segment],
        _ rank: (AdapterSlot) -> Int?
    ) -> (segment: Segment, rank: Int)? {
        var longest: (segment: Segment, rank: Int)?
        for index in segments.indices {
            let segment = segments[index], rows = segment.end - segment.start
            guard rows >= Self.leastRows, !contains(rowStart: segment.start) else { continue }
            guard let rank = rank(segment.slot) else { continue }
            let blocks = (rank + Self.ranks - 1) / Self.ranks
            guard blocks <= Self.blocks - count, rows > longest.map({ $0.segment.end - $0.segment.start }) ?? 0 else {
                continue
            }
            longest = (segment, rank)
        }
        return longest
    }

    private mutating func append(_ segment: Segment, rank: Int) {
        for firstRank in stride(from: 0, to: rank, by: Self.ranks) {
            let rows = segment.start..<segment.end
            let block = Block(rows: rows, slot: segment.slot.rawValue, firstRank: Int32(firstRank))
            if first == nil { first = block } else { second = block }
        }
    }

    var count: Int { first == nil ? 0 : second == nil ? 1 : 2 }
    var isEmpty: Bool { first == nil }

    /// Whether the segment that begins at a row is served.
    func contains(rowStart: Int32) -> Bool {
        first?.rows.lowerBound == rowStart || second?.rows.lowerBound == rowStart
    }

    /// Makes the adapter of each row that is served -1.
    func exclude(from slots: UnsafeMutableBufferPointer<Int32>) {
        if let first { slots[Int(first.rows.lowerBound)..<Int(first.rows.upperBound)].update(repeating: -1) }
        if let second { slots[Int(second.rows.lowerBound)..<Int(second.rows.upperBound)].update(repeating: -1) }
    }

    /// Columns in use behind the inputs of a group's products.
    func width(of target: AdapterTarget) -> Int {
        guard case .projections(_, let group) = target else { return 0 }
        return Self.width(members: group.projections.count, blocks: count)
    }

    /// As the kernels take them.
    ///
    /// - Parameter rows: of the step.
    func kernelColumns(rows: Int) -> CUDAKernels.LowRankColumns {
        CUDAKernels.LowRankColumns(
            blocks: (Self.kernelBlock(first), Self.kernelBlock(second)),
            count: Int32(count),
            rows: Int32(rows)
        )
    }

    private static func kernelBlock(_ block: Block?) -> LowRankColumnBlock {
        guard let block else { return LowRankColumnBlock() }
        return LowRankColumnBlock(
            rowStart: block.rows.lowerBound,
            rowEnd: block.rows.upperBound,
            slot: block.slot,
            firstRank: block.firstRank
        )
    }
}
