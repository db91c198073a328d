internal import CUDA
internal import CUDAKernels
internal import Core

/// SGMV: the low-rank updates of all segments of a step, whatever adapters they have (Punica section 4).
///
/// Four ways: the fused kernel for steps that decode and for the short segments of other steps, tensor-core tiles for
/// long segments, columns of the products for the longest (`LowRankColumns`), and row kernels for what none of these covers
/// (the output head).
final class LowRankUpdate {
    private static let sources = [
        "low_rank_rows.cu", "low_rank_plan.cu", "low_rank_decode.cu", "low_rank_prefill_shrink.cu",
        "low_rank_prefill_expand.cu", "low_rank_columns.cu",
    ]
    /// The fused kernel's shape, by measurement: two blocks a multiprocessor, each with two blocks of weights on the way.
    private static let defines = [
        "LOW_RANK_WARPS": "8", "LOW_RANK_DEPTH": "2", "LOW_RANK_EARLY": "2", "LOW_RANK_RESIDENT": "2",
    ]

    /// What is to be compiled, in the order that `init` takes the modules.
    static func jobs(_ modelDefines: [String: String]) -> [KernelJob] {
        let defines = modelDefines.merging(defines) { own, _ in own }
        return sources.map { KernelJob(KernelSource(embedded: $0), defines: defines) }
    }

    let groups: LowRankGroups
    /// Whether work is shared out by a plan; otherwise only the row kernels are used, which add.
    var isPlanned: Bool { decode.isUsable }
    private let rows: LowRankRows
    private let decode: LowRankTiles
    private let prefill: LowRankTiles
    let columnWeights: ColumnWeights

    init(
        _ context: Context,
        _ modules: [Module],
        shape: ModelShape,
        type: ScalarType,
        limits: BatchLimits
    ) throws(CUDAError) {
        groups = LowRankGroups(shape)
        rows = try LowRankRows(context, modules[0], limits: limits)
        columnWeights = try ColumnWeights(context, modules[5], groups: groups)
        let plan = try modules[1].kernel("punica_low_rank_plan")
        decode = try LowRankTiles(
            context,
            plan: plan,
            kernels: [.together: try modules[2].kernel("punica_low_rank_decode")],
            groups: groups,
            kind: .decode(rows: CUDABackend.paddedRows(limits.sequences)),
            type: type,
            sequences: limits.sequences
        )
        prefill = try LowRankTiles(
            context,
            plan: plan,
            kernels: [
                .shrink: try modules[3].kernel("punica_low_rank_shrink"),
                .expand: try modules[4].kernel("punica_low_rank_expand"),
            ],
            groups: groups,
            kind: .prefill(rows: CUDABackend.paddedRows(limits.tokens)),
            type: type,
            sequences: limits.sequences
        )
    }

    /// Shares out the step's work; once a step, before the first update.
    func plan(_ inputs: LowRankInputs, _ extent: StepExtent, on stream: Stream) throws(CUDAError) {
        guard decode.isUsable else { return }
        if !extent.columns.isEmpty { try columnWeights.place(extent.columns, inputs, rows: extent.rows, on: stream) }
        if extent.isDecode {
            try decode.plan(inputs, extent, segmentRows: 1...Int32.max, on: stream)
            return
        }
        let shortest = Int32(extent.shortSegmentRows)
        if shortest > 0 { try decode.plan(inputs, extent, segmentRows: 1...shortest, on: stream) }
        if extent.hasLongSegments {
            try prefill.plan(inputs, extent, segmentRows: shortest + 1...Int32.max, on: stream)
        }
    }

    /// What a product needs before some of its updates can be columns of it: the shrink of all long segments.
    func prepareColumns(
        _ layer: Int,
        _ group: ProjectionGroup,
        _ x: CUDARows,
        _ extent: StepExtent,
        on stream: Stream
    ) throws(CUDAError) {
        try prefill.run(layer, group, x, extent, into: x, .shrink, on: stream)
    }

    /// Adds a group's updates to `y`, but for those that were columns of the product; or puts them there, where they run
    /// beside it.
    func run(
        _ target: AdapterTarget,
        _ x: CUDARows,
        _ inputs: LowRankInputs,
        _ extent: StepExtent,
        rows count: Int,
        into y: CUDARows,
        on stream: Stream
    ) throws(CUDAError) {
        guard case .projections(let layer, let group) = target, decode.isUsable else {
            return try rows.run(groups.members(of: target), x, inputs, rows: count, into: y, on: stream)
        }
        let (hasShort, hasLong) = (extent.updatesShortSegments, extent.expandsLongSegments)
        let shrinks = hasLong && extent.columns.isEmpty
        if shrinks { try prefill.run(layer, group, x, extent, into: y, .shrink, on: stream) }
        let expandsTogether = hasLong && hasShort && decode.canExpand(prefill, extent)
        if hasShort {
            // Beside the last of the shrink, if there is one.
            try decode.run(
                layer,
                group,
                x,
                extent,
                into: y,
                .together,
                followsRows: !shrinks,
                expanding: expandsTogether ? prefill : nil,
                on: stream
            )
        }
        if hasLong, !expandsTogether { try prefill.run(layer, group, x, extent, into: y, .expand, on: stream) }
    }
}

/// Where a step's adapters stand on the device; all addresses stay the same from step to step.
struct LowRankInputs {
    /// `LowRankEntry [slots, entriesPerSlot]`.
    let table: UInt64
    let entriesPerSlot: Int
    /// The adapter of each row; -1 for none.
    let rowSlots: UInt64
    /// The adapter of each wanted row; -1 for none.
    let wantedSlots: UInt64
    /// How many rows there are.
    let liveRows: UInt64
    let segmentStarts: UInt64
    let segmentEnds: UInt64
    let segmentSlots: UInt64
    let segmentCount: UInt64
    /// The step's number.
    let round: UInt64
}

/// A group of dense products as low-rank updates see it: members read one input and write side by side.
struct LowRankMembers {
    /// The first member's entry: within a layer's for projections, within an adapter's for the head.
    let firstEntry: Int
    let inputs: Int
    /// Of each member.
    let outputs: [Int]

    /// As the kernels take it.
    var kernelGroup: LowRankGroup {
        let (widths, starts) = columns
        return LowRankGroup(
            firstEntry: Int32(firstEntry),
            memberCount: Int32(outputs.count),
            inputs: Int32(inputs),
            unused: 0,
            outputs: widths,
            columns: starts
        )
    }

    /// Where each member begins; what there is not begins beyond all.
    var bounds: (Int32, Int32, Int32, Int32) {
        let starts = columns.starts
        let count = outputs.count
        return (0, count > 1 ? starts.1 : .max, count > 2 ? starts.2 : .max, count > 3 ? starts.3 : .max)
    }

    /// Members' widths, and where each begins; four of each, as the kernels take them.
    var columns: (widths: (Int32, Int32, Int32, Int32), starts: (Int32, Int32, Int32, Int32)) {
        let padded = outputs.map { Int32($0) } + Array(repeating: 0, count: 4 - outputs.count)
        let (first, second, third) = (padded[0], padded[1], padded[2])
        return ((first, second, third, padded[3]), (0, first, first + second, first + second + third))
    }
}

/// The four groups of a layer and the head.
struct LowRankGroups {
    private let shape: ModelShape

    init(_ shape: ModelShape) { self.shape = shape }

    var layers: Int { shape.layers }
    static let all: [ProjectionGroup] = [.queryKeyValue, .output, .gateUp, .down]

    /// Of the widest group of a layer.
    var mostOutputs: Int { Self.all.map { members(of: $0).outputs.reduce(0, +) }.max() ?? 1 }

    static func number(of group: ProjectionGroup) -> Int {
        switch group {
        case .queryKeyValue: 0
        case .output: 1
        case .gateUp: 2
        case .down: 3
        }
    }

    /// Of all layers, with the head.
    var count: Int { layers * Self.all.count + 1 }

    func number(of target: AdapterTarget) -> Int {
        switch target {
        case .projections(let layer, let group): layer * Self.all.count + Self.number(of: group)
        case .head: count - 1
        }
    }

    /// With entries counted from an adapter's first.
    func members(of target: AdapterTarget) -> LowRankMembers {
        switch target {
        case .head:
            let entry = shape.layers * Projection.allCases.count + 1
            return LowRankMembers(firstEntry: entry, inputs: shape.hiddenSize, outputs: [shape.vocabularySize])
        case .projections(let layer, let group):
            let members = members(of: group)
            let first = layer * Projection.allCases.count + members.firstEntry
            return LowRankMembers(firstEntry: first, inputs: members.inputs, outputs: members.outputs)
        }
    }

    /// The groups of a layer, with entries counted from its first, and the head.
    var everyKind: [LowRankMembers] { Self.all.map { members(of: $0) } + [members(of: .head)] }

    /// With entries counted from a layer's first.
    func members(of group: ProjectionGroup) -> LowRankMembers {
        let (hidden, feedForward) = (shape.hiddenSize, shape.intermediateSize)
        let (queries, keys) = (shape.heads * shape.headSize, shape.keyValueHeads * shape.headSize)
        let first = group.projections[0].rawValue
        return switch group {
        case .queryKeyValue: LowRankMembers(firstEntry: first, inputs: hidden, outputs: [queries, keys, keys])
        case .output: LowRankMembers(firstEntry: first, inputs: queries, outputs: [hidden])
        case .gateUp: LowRankMembers(firstEntry: first, inputs: hidden, outputs: [feedForward, feedForward])
        case .down: LowRankMembers(firstEntry: first, inputs: feedForward, outputs: [hidden])
        }
    }
}
