internal import CUDA
internal import CUDAKernels
internal import Core
internal import Sampling

/// One step's share of the device's sampler: what it is told, where on the device that lies, and what it answers.
///
/// The kernels write their answers into pinned memory themselves.
struct SamplingTurn {
    /// Where the parts of the plan lie on the device.
    struct Layout {
        var count: UInt64 = 0
        var rows: UInt64 = 0
        var edited: UInt64 = 0
        var reported: UInt64 = 0
        var biases: UInt64 = 0
        var seen: UInt64 = 0
    }

    private(set) var plan: SamplingPlan
    private(set) var layout = Layout()
    /// The step's last work.
    let end: Event
    private let context: Context
    private var inputs: PinnedBuffer
    /// Tokens, then reports.
    private let results: PinnedBuffer
    private let reportStart: Int

    /// - Parameter inputBytes: room for what the step is told, which can grow.
    init(_ context: Context, vocabularySize: Int, sequences: Int, inputBytes: Int) throws(CUDAError) {
        self.context = context
        plan = SamplingPlan(vocabularySize: vocabularySize)
        end = try Event(context)
        inputs = try PinnedBuffer(context, byteCount: inputBytes)
        reportStart = (sequences * MemoryLayout<Int32>.stride + 255) / 256 * 256
        results = try PinnedBuffer(
            context,
            byteCount: reportStart + sequences * MemoryLayout<SampleReport>.stride
        )
    }

    /// Addresses of the answers for the kernels.
    var tokens: UInt64 { results.deviceAddress }
    var reports: UInt64 { results.deviceAddress + UInt64(reportStart) }

    /// Takes a step's requests.
    ///
    /// - Returns: the bytes that `write` will need.
    mutating func plan(_ requests: borrowing [SamplingRequest]) -> Int {
        plan.fill(requests)
        return 6 * 16 + plan.rows.count * MemoryLayout<SampleRow>.stride
            + 4 * (plan.edited.count + plan.reported.count) + 8 * (plan.biases.count + plan.seen.count)
    }

    /// Makes room, when no step uses what was there.
    mutating func grow(to byteCount: Int) throws(CUDAError) {
        inputs = try PinnedBuffer(context, byteCount: byteCount)
    }

    /// Lays the plan out in pinned memory.
    ///
    /// - Parameter address: where it will lie on the device.
    mutating func write(to address: UInt64) -> PinnedInputs {
        var end = 0
        var layout = Layout()
        layout.count = address + put(Int32(plan.rows.count), at: &end)
        layout.rows = address + put(plan.rows, at: &end)
        layout.edited = address + put(plan.edited, at: &end)
        layout.reported = address + put(plan.reported, at: &end)
        layout.biases = address + put(plan.biases, at: &end)
        let firstSeen = end / 4
        layout.seen = address + put(plan.seen, at: &end)
        self.layout = layout
        return PinnedInputs(
            source: inputs.deviceAddress,
            target: address,
            packCount: end / 16,
            seen: firstSeen..<firstSeen + 2 * plan.seen.count
        )
    }

    private func put(_ number: Int32, at end: inout Int) -> UInt64 {
        inputs.bytes.storeBytes(of: number, toByteOffset: end, as: Int32.self)
        defer { end += 16 }
        return UInt64(end)
    }

    private func put<Element: BitwiseCopyable>(_ elements: [Element], at end: inout Int) -> UInt64 {
        let start = end
        let count = elements.count * MemoryLayout<Element>.stride
        elements.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: inputs.bytes[start..<start + count]).copyMemory(from: source)
        }
        end = (start + count + 15) / 16 * 16
        return UInt64(start)
    }

    /// The answers, when the step has ended; one for each request, nil where no token had a finite logit.
    func collect(into outputs: inout [SampledToken?]) {
        outputs.removeAll(keepingCapacity: true)
        let bytes = UnsafeRawBufferPointer(results.bytes)
        for row in plan.rows.indices {
            let token = bytes.load(fromByteOffset: 4 * row, as: Int32.self)
            outputs.append(token < 0 ? nil : SampledToken(token: TokenID(token)))
        }
        for (index, row) in plan.reported.enumerated() {
            guard let chosen = outputs[Int(row)] else { continue }
            let offset = reportStart + index * MemoryLayout<SampleReport>.stride
            let report = bytes.load(fromByteOffset: offset, as: SampleReport.self)
            outputs[Int(row)] = SampledToken(token: chosen.token, logprob: report.logprob, top: report.top)
        }
    }
}

extension SampleReport {
    /// The likeliest tokens, likeliest first.
    fileprivate var top: [TokenLogprob] {
        let count = Int(topCount)
        return withUnsafeBytes(of: topTokens) { tokens in
            withUnsafeBytes(of: topLogprobs) { logprobs in
                (0..<count).map { index in
                    TokenLogprob(
                        token: TokenID(tokens.load(fromByteOffset: 4 * index, as: Int32.self)),
                        logprob: logprobs.load(fromByteOffset: 4 * index, as: Float.self)
                    )
                }
            }
        }
    }
}
