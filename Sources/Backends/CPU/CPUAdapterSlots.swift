internal import CPUKernels
internal import Core

/// The adapters that steps may name, as the kernels read them. Weights stay in the host's memory: nothing is copied.
struct CPUAdapterSlots: ~Copyable {
    private var entries: [CPUAdapter?] = []

    subscript(slot: AdapterSlot) -> CPUAdapter {
        guard let entry = entries[Int(slot.rawValue)] else { preconditionFailure("slot \(slot) is empty") }
        return entry
    }

    mutating func install(_ adapter: AdapterWeights) -> AdapterSlot {
        let entry = CPUAdapter(adapter)
        if let free = entries.firstIndex(where: { $0 == nil }) {
            entries[free] = entry
            return AdapterSlot(Int32(free))
        }
        entries.append(entry)
        return AdapterSlot(Int32(entries.count - 1))
    }

    mutating func remove(_ slot: AdapterSlot) {
        precondition(entries[Int(slot.rawValue)] != nil, "slot \(slot) is empty already")
        entries[Int(slot.rawValue)] = nil
    }
}

/// One installed adapter: its updates as kernel segments that lack only their rows.
final class CPUAdapter {
    /// Keeps the tensors alive that the segments point into.
    private let weights: AdapterWeights
    private var columnScales = FloatArena()
    /// `[layerCount · 7]`
    private(set) var projections: [punica_segment?] = []
    private(set) var embedding: punica_segment?
    private(set) var head: punica_segment?

    init(_ weights: AdapterWeights) {
        self.weights = weights
        projections = weights.projections.map { $0.map(segment) }
        embedding = weights.embedding.map(segment)
        head = weights.head.map(segment)
    }

    private func segment(_ pair: LowRankPair) -> punica_segment {
        var scales: UnsafeMutablePointer<Float>?
        if let columnScale = pair.columnScale {
            let copy = columnScales.allocate(columnScale.count)
            copy.update(from: columnScale, count: columnScale.count)
            scales = copy
        }
        return punica_segment(
            row_start: 0,
            row_end: 0,
            rank: Int32(pair.rank),
            scale: pair.scale,
            a: pair.a.bytes.baseAddress,
            b: pair.b.bytes.baseAddress,
            a_type: pair.a.type.kernelType,
            b_type: pair.b.type.kernelType,
            column_scale: scales
        )
    }
}

/// Room to spell out a group's segments for one kernel call; grows to its largest use and stays.
struct SegmentScratch: ~Copyable {
    var segments: [punica_segment] = []
    /// Number of segments of each projection of the group.
    var counts: [Int] = []

    /// Lists, projection by projection, the updates that `adapter` finds for the batch's segments.
    mutating func fill(
        _ batchSegments: [Segment],
        members: Int,
        slots: borrowing CPUAdapterSlots,
        update: (CPUAdapter, Int) -> punica_segment?
    ) {
        segments.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        for member in 0..<members {
            let before = segments.count
            for segment in batchSegments {
                guard var entry = update(slots[segment.slot], member) else { continue }
                entry.row_start = segment.start
                entry.row_end = segment.end
                segments.append(entry)
            }
            counts.append(segments.count - before)
        }
    }
}
