internal import CUDA
internal import CUDAKernels
internal import Core
internal import Sampling

/// The kernels of `sampling.cu`, `sampling_edited.cu` and `sampling_report.cu`, with the memory they need.
final class DeviceSampler {
    /// Edited rows of one launch: each has float32 logits of its own.
    private static let mostEdited = 64
    private static let chunk = 256
    private static let part = 32 * chunk

    private let context: Context
    /// Pieces of a row that blocks of their own work on.
    private let parts: Int
    private let sequences: Int
    private let largest: Kernel
    private let weigh: Kernel
    private let choose: Kernel
    private let edit: Kernel
    private let weighEdited: Kernel
    private let cut: Kernel
    private let report: Kernel

    private let partials: DeviceBuffer
    private let sums: DeviceBuffer
    private let scratch: DeviceBuffer
    /// Tokens, then reports.
    private let results: DeviceBuffer
    private let hostResults: PinnedBuffer
    private var inputs: DeviceBuffer
    private var hostInputs: PinnedBuffer
    private var plan: SamplingPlan

    /// - Parameter type: of logits: float32, or the 16-bit type of activations.
    static func jobs(_ shape: ModelShape, type: ScalarType) -> [KernelJob] {
        let defines = [
            "PUNICA_VOCABULARY": "\(shape.vocabularySize)",
            "PUNICA_LOGITS_F32": type == .float32 ? "1" : "0",
            "PUNICA_BF16": type == .float16 ? "0" : "1",
        ]
        return ["sampling.cu", "sampling_edited.cu", "sampling_report.cu"].map {
            KernelJob(KernelSource(embedded: $0), defines: defines)
        }
    }

    /// - Parameters:
    ///   - modules: of `jobs`.
    ///   - sequences: the most rows of a step.
    init(_ context: Context, _ modules: [Module], vocabularySize: Int, sequences: Int) throws(CUDAError) {
        self.context = context
        self.sequences = sequences
        largest = try modules[0].kernel("punica_sample_largest")
        weigh = try modules[0].kernel("punica_sample_weigh")
        choose = try modules[0].kernel("punica_sample_choose")
        edit = try modules[1].kernel("punica_sample_edit")
        weighEdited = try modules[1].kernel("punica_sample_weigh_edited")
        cut = try modules[1].kernel("punica_sample_cut")
        report = try modules[2].kernel("punica_sample_report")
        let chunks = (vocabularySize + Self.chunk - 1) / Self.chunk
        parts = (vocabularySize + Self.part - 1) / Self.part
        partials = try DeviceBuffer(context, byteCount: sequences * parts * MemoryLayout<SampleLargest>.stride)
        sums = try DeviceBuffer(context, byteCount: sequences * chunks * MemoryLayout<Double>.stride)
        let editedRows = min(sequences, Self.mostEdited)
        scratch = try DeviceBuffer(context, byteCount: editedRows * chunks * Self.chunk * MemoryLayout<Float>.stride)
        let reportStart = Self.reportStart(sequences)
        let resultBytes = reportStart + sequences * MemoryLayout<SampleReport>.stride
        results = try DeviceBuffer(context, byteCount: resultBytes)
        hostResults = try PinnedBuffer(context, byteCount: resultBytes)
        let inputBytes = 256 + sequences * (MemoryLayout<SampleRow>.stride + 1024)
        inputs = try DeviceBuffer(context, byteCount: inputBytes)
        hostInputs = try PinnedBuffer(context, byteCount: inputBytes)
        plan = SamplingPlan(vocabularySize: vocabularySize)
    }

    /// The bytes that `init` takes on the device, for budgets.
    static func byteCount(vocabularySize: Int, sequences: Int) -> Int {
        let chunks = (vocabularySize + chunk - 1) / chunk
        let scratch = min(sequences, mostEdited) * chunks * chunk * MemoryLayout<Float>.stride
        return scratch + sequences * (chunks * 8 + 4096)
    }

    /// Chooses a token for each request from the rows of `logits`, and waits.
    ///
    /// - Parameters:
    ///   - logits: `[requests, width]`, of the type that the module was compiled for; left as they are.
    ///   - outputs: replaced by one entry for each request; nil where no token had a finite logit.
    func sample(
        logits: UInt64,
        width: Int,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?],
        on stream: Stream
    ) throws(CUDAError) {
        outputs.removeAll(keepingCapacity: true)
        guard !requests.isEmpty else { return }
        precondition(requests.count <= sequences, "\(requests.count) requests, room for \(sequences)")
        plan.fill(requests)
        let layout = try upload(on: stream)
        try chooseAmongAll(logits, width, layout, on: stream)
        try chooseEdited(logits, width, layout, on: stream)
        try reportProbabilities(logits, width, layout, on: stream)
        let used = Self.reportStart(sequences) + plan.reported.count * MemoryLayout<SampleReport>.stride
        try stream.copy(
            from: results.address,
            to: UnsafeMutableRawBufferPointer(rebasing: hostResults.bytes[..<used])
        )
        try stream.synchronize()
        collect(into: &outputs)
    }

    /// Where the reports begin behind the tokens.
    private static func reportStart(_ sequences: Int) -> Int { (sequences * 4 + 255) / 256 * 256 }
}

extension DeviceSampler {
    /// Where the parts of the plan lie on the device.
    private struct Layout {
        var count: UInt64 = 0
        var rows: UInt64 = 0
        var edited: UInt64 = 0
        var reported: UInt64 = 0
        var biases: UInt64 = 0
        var seen: UInt64 = 0
    }

    /// Brings the plan onto the device, after making room for it.
    private func upload(on stream: Stream) throws(CUDAError) -> Layout {
        let needed =
            6 * 16 + plan.rows.count * MemoryLayout<SampleRow>.stride + 4 * (plan.edited.count + plan.reported.count)
            + 8 * (plan.biases.count + plan.seen.count)
        if needed > inputs.byteCount {
            // The step before has ended, so nothing uses the smaller ones.
            inputs = try DeviceBuffer(context, byteCount: 2 * needed)
            hostInputs = try PinnedBuffer(context, byteCount: 2 * needed)
        }
        var end = 0
        var layout = Layout()
        layout.count = put([Int32(plan.rows.count)], at: &end)
        layout.rows = put(plan.rows, at: &end)
        layout.edited = put(plan.edited, at: &end)
        layout.reported = put(plan.reported, at: &end)
        layout.biases = put(plan.biases, at: &end)
        layout.seen = put(plan.seen, at: &end)
        try stream.copy(UnsafeRawBufferPointer(rebasing: hostInputs.bytes[..<end]), to: inputs.address)
        return layout
    }

    private func put<Element: BitwiseCopyable>(_ elements: [Element], at end: inout Int) -> UInt64 {
        let start = end
        let count = elements.count * MemoryLayout<Element>.stride
        elements.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: hostInputs.bytes[start..<start + count]).copyMemory(from: source)
        }
        end = (start + count + 15) / 16 * 16
        return inputs.address + UInt64(start)
    }

    private func chooseAmongAll(
        _ logits: UInt64,
        _ width: Int,
        _ layout: Layout,
        on stream: Stream
    ) throws(CUDAError) {
        let count = plan.rows.count
        guard plan.edited.count < count else { return }
        let parameters = SampleParams(
            logits: logits,
            rows: layout.rows,
            rowCount: layout.count,
            largest: partials.address,
            sums: sums.address,
            tokens: results.address,
            pitch: Int32(width),
            unused: 0
        )
        // The first follows a copy, which no kernel may overlap.
        try largest.launch(parameters, grid: (parts, count, 1), block: 256, on: stream)
        if plan.draws {
            try weigh.launch(
                parameters,
                grid: (parts, count, 1),
                block: 256,
                overlapsPredecessor: true,
                on: stream
            )
        }
        try choose.launch(parameters, grid: (count, 1, 1), block: 32, overlapsPredecessor: true, on: stream)
    }

    private func chooseEdited(
        _ logits: UInt64,
        _ width: Int,
        _ layout: Layout,
        on stream: Stream
    ) throws(CUDAError) {
        for start in stride(from: 0, to: plan.edited.count, by: Self.mostEdited) {
            let parameters = SampleEditedParams(
                logits: logits,
                rows: layout.rows,
                list: layout.edited + UInt64(4 * start),
                listCount: 0,
                biases: layout.biases,
                seen: layout.seen,
                scratch: scratch.address,
                largest: partials.address,
                sums: sums.address,
                tokens: results.address,
                pitch: Int32(width),
                unused: 0
            )
            let count = min(Self.mostEdited, plan.edited.count - start)
            let grid = (parts, count, 1)
            try edit.launch(parameters, grid: grid, block: 256, on: stream)
            try weighEdited.launch(parameters, grid: grid, block: 256, overlapsPredecessor: true, on: stream)
            try cut.launch(parameters, grid: (count, 1, 1), block: 1024, overlapsPredecessor: true, on: stream)
        }
    }

    private func reportProbabilities(
        _ logits: UInt64,
        _ width: Int,
        _ layout: Layout,
        on stream: Stream
    ) throws(CUDAError) {
        guard !plan.reported.isEmpty else { return }
        let parameters = SampleReportParams(
            logits: logits,
            rows: layout.rows,
            list: layout.reported,
            listCount: 0,
            tokens: results.address,
            reports: results.address + UInt64(Self.reportStart(sequences)),
            pitch: Int32(width),
            unused: 0
        )
        try report.launch(parameters, grid: (plan.reported.count, 1, 1), block: 1024, on: stream)
    }

    private func collect(into outputs: inout [SampledToken?]) {
        let bytes = UnsafeRawBufferPointer(hostResults.bytes)
        for row in plan.rows.indices {
            let token = bytes.load(fromByteOffset: 4 * row, as: Int32.self)
            outputs.append(token < 0 ? nil : SampledToken(token: TokenID(token)))
        }
        let start = Self.reportStart(sequences)
        for (index, row) in plan.reported.enumerated() {
            guard let chosen = outputs[Int(row)] else { continue }
            let offset = start + index * MemoryLayout<SampleReport>.stride
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
