internal import CUDA
internal import CUDAKernels
internal import Core

/// The updates by a plan made on the device: work shared out over a fixed number of blocks, by the bytes behind it
/// (low_rank_plan.cu, then low_rank_decode.cu or low_rank_prefill_*.cu).
final class LowRankTiles {
    enum Kind {
        /// Short segments, one launch for both products; steps of at most so many rows.
        case decode(rows: Int)
        /// Long segments, a launch for each product; steps of at most so many rows.
        case prefill(rows: Int)
    }

    /// What a launch does.
    enum Launch {
        /// Both products of short segments, and if there is room for it the second one of long ones.
        case together
        /// One product of long segments.
        case shrink, expand
    }

    /// Whether the plan has room for every step's pairs of segment and member, and a multiprocessor for a block.
    let isUsable: Bool
    private let planKernel: Kernel
    private let kernels: [Launch: Kernel]
    private let groups: LowRankGroups
    private let geometry: LowRankGeometry
    private let plans: DeviceBuffer
    private let planStride: Int
    private let scratch: DeviceBuffer
    /// Of the prefill kernels: chunks of each tile that have been summed. Each launch finds zeros and leaves zeros.
    private let arrivals: DeviceBuffer

    /// The plan kernel's own bound.
    private static var mostPairs: Int { 1024 }
    static var mostMembers: Int { 3 }

    init(
        _ context: Context,
        plan: Kernel,
        kernels: [Launch: Kernel],
        groups: LowRankGroups,
        kind: Kind,
        type: ScalarType,
        sequences: Int
    ) throws(CUDAError) {
        planKernel = plan
        self.kernels = kernels
        self.groups = groups
        var geometry = LowRankGeometry(kind, groups: groups, type: type, multiprocessors: context.multiprocessorCount)
        if let together = kernels[.together] {
            // Its blocks wait for each other, so all must run at once.
            let fits = geometry.mostSharedBytes <= context.sharedBytesPerBlock - LowRankGeometry.staticSharedBytes
            let resident = fits ? try together.residentBlocks(blockSize: 256, sharedBytes: geometry.mostSharedBytes) : 0
            geometry.blocksOfMultiprocessor = min(geometry.blocksOfMultiprocessor, resident)
        }
        self.geometry = geometry
        let pairs = sequences * Self.mostMembers
        isUsable = pairs <= Self.mostPairs && geometry.blocks > 0
        planStride = geometry.pairsOffset + 64 * (min(pairs, Self.mostPairs) + LowRankGeometry.nearPairs)
        plans = try DeviceBuffer(context, byteCount: planStride * groups.layers * LowRankGroups.all.count)
        // A plan counts its runs, and words in the scratch carry that count: both begin at zero.
        try plans.fill(0)
        scratch = try DeviceBuffer(context, byteCount: geometry.scratchBytes)
        try scratch.fill(0)
        arrivals = try DeviceBuffer(context, byteCount: 4 * geometry.mostTiles(sequences: sequences))
        try arrivals.fill(0)
    }

    /// - Parameter segmentRows: segments of other lengths are left out.
    func plan(
        _ inputs: LowRankInputs,
        _ extent: StepExtent,
        segmentRows: ClosedRange<Int32>,
        on stream: Stream
    ) throws(CUDAError) {
        let all = LowRankGroups.all.map { groups.members(of: $0).kernelGroup }
        let count = groups.layers * all.count
        let parameters = LowRankPlanParams(
            table: inputs.table,
            segmentStart: inputs.segmentStarts,
            segmentEnd: inputs.segmentEnds,
            segmentSlot: inputs.segmentSlots,
            segmentCount: inputs.segmentCount,
            plans: plans.address,
            planStride: Int64(planStride),
            entriesPerAdapter: Int32(inputs.entriesPerSlot),
            entriesPerLayer: Int32(Projection.allCases.count),
            groupCount: Int32(all.count),
            blocks: Int32(geometry.blocks(for: extent)),
            firstTag: 0,
            tagStep: UInt32(count),
            rowsPerTile: Int32(geometry.rowsPerTile),
            chunk: Int32(geometry.chunk),
            shrinkWeight: Int32(geometry.shrinkWeight),
            leastRows: segmentRows.lowerBound,
            mostRows: segmentRows.upperBound,
            adds: extent.addsUpdates ? 1 : 0,
            unused: 0,
            columns: extent.columns.kernelColumns(rows: extent.rows),
            groups: (all[0], all[1], all[2], all[3])
        )
        try planKernel.launch(parameters, grid: (count, 1, 1), block: 256, on: stream)
    }

    /// One launch of a group.
    ///
    /// - Parameters:
    ///   - followsRows: false if the launch before does not make `x`, nor the `y` that is added to, but has waited for them
    ///     before it released this one. Of `together`.
    ///   - longSegments: whose expand is part of the launch, if `canExpand`. Of `together`.
    func run(
        _ layer: Int,
        _ group: ProjectionGroup,
        _ x: CUDARows,
        _ extent: StepExtent,
        into y: CUDARows,
        _ launch: Launch,
        followsRows: Bool = true,
        expanding longSegments: LowRankTiles? = nil,
        on stream: Stream
    ) throws(CUDAError) {
        let parameters = LowRankUpdateParams(
            x: x.address,
            y: y.address,
            plan: planAddress(layer: layer, group: group),
            scratch: scratch.address,
            longPlan: longSegments?.planAddress(layer: layer, group: group) ?? 0,
            longScratch: longSegments?.scratch.address ?? 0,
            arrivals: arrivals.address,
            xPitch: Int32(x.pitch),
            yPitch: Int32(y.pitch),
            vectorPitch: Int32(geometry.vectorPitch(for: extent)),
            adds: extent.addsUpdates ? 1 : 0,
            followsRows: followsRows ? 1 : 0,
            unused: 0,
            columns: extent.columns.kernelColumns(rows: extent.rows),
            group: groups.members(of: group).kernelGroup
        )
        guard let kernel = kernels[launch] else { preconditionFailure("no kernel for \(launch)") }
        try kernel.launch(
            parameters,
            grid: (geometry.blocks(for: extent), 1, 1),
            block: 256,
            sharedBytes: launch == .shrink ? LowRankGeometry.shrinkSharedBytes : geometry.sharedBytes(for: extent),
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// Whether a launch for short segments has room for the expand of long ones too.
    func canExpand(_ longSegments: LowRankTiles, _ extent: StepExtent) -> Bool {
        longSegments.geometry.blocks(for: extent) == geometry.blocks(for: extent)
            && longSegments.geometry.sharedBytes(for: extent) <= geometry.sharedBytes(for: extent)
    }

    private func planAddress(layer: Int, group: ProjectionGroup) -> UInt64 {
        let number = layer * LowRankGroups.all.count + LowRankGroups.number(of: group)
        return plans.address + UInt64(number * planStride)
    }
}

/// Launch geometry and memory of the planned kernels, for adapters of any rank.
struct LowRankGeometry {
    static let mostRank = 512
    /// Of the prefill kernels' first product.
    static let shrinkSharedBytes = 96 << 10
    /// One tile of the decode kernel.
    static let shortSegmentRows = 8
    /// The decode kernel's blocks find so many pairs of each product beside their shares; where the last begins, as many
    /// are read beyond it.
    static let nearPairs = Int(LOW_RANK_NEAR)
    /// Shared memory that the decode kernel has besides, at most.
    static let staticSharedBytes = 1 << 10

    /// As many as run at a time, or twice that where the GPU has less shared memory; those of `together` must fit.
    var blocksOfMultiprocessor = 2
    private let multiprocessors: Int
    let rowsPerTile: Int
    /// Inputs of a shrink unit.
    let chunk: Int
    /// A shrink unit's cost in steps of the expand, where one kernel does both.
    let shrinkWeight: Int
    let scratchBytes: Int
    /// Of a step, at most.
    private let mostRows: Int
    private let isDecode: Bool
    private let isHalf: Bool

    init(_ kind: LowRankTiles.Kind, groups: LowRankGroups, type: ScalarType, multiprocessors: Int) {
        self.multiprocessors = multiprocessors
        isHalf = type == .float16
        let rows: Int
        switch kind {
        case .decode(let most): (rows, isDecode, rowsPerTile, chunk, shrinkWeight) = (most, true, 8, 1024, 32)
        case .prefill(let most): (rows, isDecode, rowsPerTile, chunk, shrinkWeight) = (most, false, 32, 1024, 0)
        }
        mostRows = rows
        // Every row may be of the greatest rank, and a segment's last tile half full.
        let (chunk, wordBytes) = (chunk, isDecode ? 8 : 4)
        let words = LowRankGroups.all.map { group in
            let members = groups.members(of: group)
            return 2 * rows * members.outputs.count * ((members.inputs + chunk - 1) / chunk) * Self.mostRank
        }
        scratchBytes = wordBytes * (words.max() ?? 1)
    }

    /// Tiles of rows and 16 ranks of a group's members, of so many sequences.
    func mostTiles(sequences: Int) -> Int {
        LowRankTiles.mostMembers * (mostRows / rowsPerTile + sequences) * (Self.mostRank / 16)
    }

    var blocks: Int { blocksOfMultiprocessor * multiprocessors }

    /// Short segments beside the shrink of columns leave it a quarter of the GPU, by measurement (docs/experiments.md).
    func blocks(for extent: StepExtent) -> Int {
        isDecode && extent.runsBesideShrink ? max(blocks * 3 / 4, 1) : blocks
    }

    /// Bytes of a plan before its pairs.
    var pairsOffset: Int { 64 + (blocks + 1) / 2 * 64 + (isDecode ? blocks * 2 * Self.nearPairs * 64 : 0) }

    /// Numbers between rows of a block's vectors.
    func vectorPitch(for extent: StepExtent) -> Int { 8 + (extent.mostRank + 31) / 32 * 32 }

    /// For adapters of any rank, as recorded steps have them.
    var mostSharedBytes: Int { sharedBytes(for: StepExtent()) }

    func sharedBytes(for extent: StepExtent) -> Int {
        let pitch = vectorPitch(for: extent)
        return isDecode
            ? 8 * (2 * 4096 + 1024) + 64 * 2 * Self.nearPairs + 32 * pitch + (isHalf ? 32 * pitch + 32 : 0)
            : 128 * pitch + (isHalf ? 128 * pitch + 128 : 0)
    }
}
