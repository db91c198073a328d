internal import CUDA
internal import CUDAKernels
internal import Core

/// A step's inputs on their way to the device: one kernel fetches them from pinned memory (step.cu).
///
/// Pinned memory is there twice: a step is written while the one before it may not have fetched its own yet.
struct StepBuffer {
    let layout: StepLayout
    private let hosts: [PinnedBuffer]
    private let device: DeviceBuffer
    private let fetch: Kernel
    private var round: Int32 = 0
    private var used = 0

    init(_ context: Context, _ layout: StepLayout) throws(CUDAError) {
        self.layout = layout
        let byteCount = layout.count * MemoryLayout<Int32>.size
        hosts = [try PinnedBuffer(context, byteCount: byteCount), try PinnedBuffer(context, byteCount: byteCount)]
        for host in hosts { host.elements(Int32.self).initialize(repeating: 0) }
        device = try DeviceBuffer(context, byteCount: layout.count * MemoryLayout<Int32>.size)
        try device.fill(0)
        let compiler = KernelCompiler(try NVRTC(driverVersion: context.driver.version))
        let job = KernelJob(KernelSource(embedded: "step.cu"), defines: [:])
        fetch = try compiler.compile([job], for: context)[0].kernel("punica_fetch_step")
    }

    func address(_ region: StepLayout.Region) -> UInt64 {
        device.address + UInt64(region.start * MemoryLayout<Int32>.size)
    }

    /// Of the present step, the same on all ranks of a split model: even and odd by turns, but for steps repeated.
    var number: Int32 { round }

    private var host: PinnedBuffer { hosts[Int(round & 1)] }

    /// The host's side of a region of the present step, to be filled before `upload`.
    func elements(_ region: StepLayout.Region) -> UnsafeMutableBufferPointer<Int32> {
        let numbers = host.elements(Int32.self)
        return UnsafeMutableBufferPointer(rebasing: numbers[region.start..<region.start + region.capacity])
    }

    /// Begins another step with the numbers of the one before, which has ended.
    mutating func `repeat`() {
        round &+= 2
        elements(layout.counts)[StepLayout.Counts.round] = round
    }

    /// Takes a batch, padded to `rows` rows that store nothing.
    ///
    /// - Parameter columns: segments whose updates are columns of the products.
    mutating func load(_ batch: borrowing Batch, rows: Int, columns: LowRankColumns) {
        round &+= 1
        let counts = elements(layout.counts)
        counts[StepLayout.Counts.round] = round
        counts[StepLayout.Counts.rows] = Int32(batch.tokenCount)
        counts[StepLayout.Counts.sequences] = Int32(batch.sequenceCount)
        counts[StepLayout.Counts.segments] = Int32(batch.segments.count)
        counts[StepLayout.Counts.wanted] = Int32(batch.logitRows.count)
        counts[StepLayout.Counts.logitSegments] = Int32(batch.logitSegments.count)
        loadRows(batch, rows: rows)
        if !batch.isDecode {
            sortRows(of: batch)
            sortSlots(of: batch, columns: columns)
        }
        put(batch.sequenceStarts, layout.sequenceStarts)
        put(batch.pageStarts, layout.pageStarts)
        put(batch.logitRows, layout.logitRows)
        put(batch.segments, layout.segments)
        put(batch.logitSegments, layout.logitSegments)
        put(batch.pageIndices, layout.pageIndices)
        let lengths = elements(layout.contextLengths)
        for sequence in 0..<batch.sequenceCount {
            lengths[sequence] = batch.positions[Int(batch.sequenceStarts[sequence + 1]) - 1] + 1
        }
        used = layout.pageIndices.start + batch.pageIndices.count
    }

    private func loadRows(_ batch: borrowing Batch, rows: Int) {
        let (tokens, positions) = (elements(layout.tokens), elements(layout.positions))
        let (kvPositions, slots) = (elements(layout.kvPositions), elements(layout.rowSlots))
        for row in 0..<batch.tokenCount {
            tokens[row] = batch.tokens[row].rawValue
            positions[row] = batch.positions[row]
            kvPositions[row] = batch.kvPositions[row]
            slots[row] = -1
        }
        for row in batch.tokenCount..<max(rows, batch.tokenCount) {
            (tokens[row], positions[row], kvPositions[row], slots[row]) = (0, 0, -1, -1)
        }
        mark(batch.segments, in: slots)
        let pages = elements(layout.rowPages)
        for sequence in 0..<batch.sequenceCount {
            for row in batch.sequenceStarts[sequence]..<batch.sequenceStarts[sequence + 1] {
                pages[Int(row)] = batch.pageStarts[sequence]
            }
        }
        let wanted = elements(layout.wantedSlots)
        for row in wanted.indices { wanted[row] = -1 }
        mark(batch.logitSegments, in: wanted)
    }

    /// Tells sequences of one row from those of several.
    private func sortRows(of batch: borrowing Batch) {
        let (positions, singles) = (elements(layout.tileKVPositions), elements(layout.singleRows))
        var count = 0
        for sequence in 0..<batch.sequenceCount {
            let (start, rows) = (Int(batch.sequenceStarts[sequence]), batch.rowCount(of: sequence))
            for row in start..<start + rows { positions[row] = rows > 1 ? batch.kvPositions[row] : -1 }
            guard rows == 1 else { continue }
            singles[count] = Int32(start)
            count += 1
        }
    }

    /// Tells rows whose updates are columns from the others.
    private func sortSlots(of batch: borrowing Batch, columns: LowRankColumns) {
        let (all, others) = (elements(layout.rowSlots), elements(layout.otherSlots))
        for row in 0..<batch.tokenCount { others[row] = all[row] }
        columns.exclude(from: others)
    }

    private func mark(_ segments: borrowing [Segment], in slots: UnsafeMutableBufferPointer<Int32>) {
        for index in segments.indices {
            for row in segments[index].start..<segments[index].end { slots[Int(row)] = segments[index].slot.rawValue }
        }
    }

    private func put(_ values: borrowing [Int32], _ region: StepLayout.Region) {
        precondition(values.count <= region.capacity, "\(values.count) numbers for \(region.capacity) places")
        let target = elements(region)
        for index in 0..<values.count { target[index] = values[index] }
    }

    private func put(_ values: borrowing [Segment], _ regions: StepLayout.SegmentRegions) {
        let (starts, ends, slots) = (elements(regions.starts), elements(regions.ends), elements(regions.slots))
        for index in 0..<values.count {
            starts[index] = values[index].start
            ends[index] = values[index].end
            slots[index] = values[index].slot.rawValue
        }
    }

    /// Fetches everything up to the last used page index; the host's side stays as it is until the step is done.
    ///
    /// - Parameters:
    ///   - others: more to be fetched.
    ///   - awaited: tokens chosen by the step before, which those in the batch may refer to; perhaps on another GPU.
    func upload(
        beside others: PinnedInputs = PinnedInputs(),
        awaited: UInt64,
        on stream: Stream
    ) throws(CUDAError) {
        // Both buffers are whole numbers of packs.
        let packs = (used + 3) / 4
        let parameters = FetchStepParams(
            source: host.deviceAddress,
            target: device.address,
            otherSource: others.source,
            otherTarget: others.target,
            chosen: awaited,
            packCount: Int32(packs),
            otherPackCount: Int32(others.packCount),
            firstToken: Int32(layout.tokens.start),
            tokenEnd: Int32(layout.tokens.start + layout.tokens.capacity),
            firstSeen: Int32(others.seen.lowerBound),
            seenEnd: Int32(others.seen.upperBound)
        )
        let blocks = (packs + others.packCount + 255) / 256
        try fetch.launch(parameters, grid: (blocks, 1, 1), block: 256, on: stream)
    }
}

/// Pinned memory to be fetched to the device, in packs of 16 bytes.
struct PinnedInputs {
    var source: UInt64 = 0
    var target: UInt64 = 0
    var packCount = 0
    /// Which of its 32-bit numbers are tokens that were seen (`SampleSeen`).
    var seen = 0..<0
}

extension PinnedBuffer {
    /// Pinned memory has one address for both sides.
    var deviceAddress: UInt64 { UInt64(UInt(bitPattern: bytes.baseAddress)) }
}
