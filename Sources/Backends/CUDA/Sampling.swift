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
    private let chosen: DeviceBuffer
    private var inputs: DeviceBuffer
    /// Of steps that are issued in turn: one may be running while the next is written.
    private var turns: [SamplingTurn]
    private var issuedCount = 0
    private var takenCount = 0

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
        chosen = try DeviceBuffer(context, byteCount: sequences * MemoryLayout<Int32>.stride)
        let inputBytes = 256 + sequences * (MemoryLayout<SampleRow>.stride + 1024)
        inputs = try DeviceBuffer(context, byteCount: inputBytes)
        turns = []
        for _ in 0..<2 {
            turns.append(
                try SamplingTurn(
                    context,
                    vocabularySize: vocabularySize,
                    sequences: sequences,
                    inputBytes: inputBytes
                )
            )
        }
    }

    /// The bytes that `init` takes on the device, for budgets.
    static func byteCount(vocabularySize: Int, sequences: Int) -> Int {
        let chunks = (vocabularySize + chunk - 1) / chunk
        let scratch = min(sequences, mostEdited) * chunks * chunk * MemoryLayout<Float>.stride
        return scratch + sequences * (chunks * 8 + 4096)
    }

    /// On the device, the tokens that the last step chose: `[W]`.
    var tokens: UInt64 { chosen.address }

    /// Writes what the next step's requests need; to be fetched to the device before `sample`.
    ///
    /// - Parameter stream: that of all steps.
    func load(_ requests: borrowing [SamplingRequest], on stream: Stream) throws(CUDAError) -> PinnedInputs {
        precondition(issuedCount - takenCount < turns.count, "a third step before the first has ended")
        precondition(requests.count <= sequences, "\(requests.count) requests, room for \(sequences)")
        let turn = issuedCount % turns.count
        let needed = turns[turn].plan(requests)
        if needed > inputs.byteCount {
            // The step before may still be using the smaller ones.
            try stream.synchronize()
            inputs = try DeviceBuffer(context, byteCount: 2 * needed)
            for turn in turns.indices { try turns[turn].grow(to: 2 * needed) }
        }
        return turns[turn].write(to: inputs.address)
    }

    /// Chooses a token for each request given to `load`, from the rows of `logits`.
    ///
    /// - Parameters:
    ///   - logits: `[requests, width]`, of the type that the module was compiled for; left as they are.
    ///   - count: of the requests.
    func sample(logits: UInt64, width: Int, count: Int, on stream: Stream) throws(CUDAError) {
        let turn = turns[issuedCount % turns.count]
        precondition(turn.plan.rows.count == count, "\(count) requests, \(turn.plan.rows.count) before the step")
        try chooseAmongAll(logits, width, turn, on: stream)
        try chooseEdited(logits, width, turn, on: stream)
        try reportProbabilities(logits, width, turn, on: stream)
        try turn.end.record(on: stream)
        issuedCount += 1
    }

    /// Whether `take` would not wait.
    func isDone() throws(CUDAError) -> Bool { try turns[takenCount % turns.count].end.isDone() }

    /// Waits for the oldest step whose tokens were not taken.
    ///
    /// - Parameter outputs: replaced by one entry for each request; nil where no token had a finite logit.
    func take(into outputs: inout [SampledToken?]) throws(CUDAError) {
        precondition(takenCount < issuedCount, "no step has chosen tokens")
        let turn = turns[takenCount % turns.count]
        try turn.end.synchronize()
        takenCount += 1
        turn.collect(into: &outputs)
    }
}

extension DeviceSampler {
    private func chooseAmongAll(
        _ logits: UInt64,
        _ width: Int,
        _ turn: SamplingTurn,
        on stream: Stream
    ) throws(CUDAError) {
        let count = turn.plan.rows.count
        guard turn.plan.edited.count < count else { return }
        let parameters = SampleParams(
            logits: logits,
            rows: turn.layout.rows,
            rowCount: turn.layout.count,
            largest: partials.address,
            sums: sums.address,
            tokens: chosen.address,
            hostTokens: turn.tokens,
            pitch: Int32(width),
            unused: 0
        )
        try largest.launch(parameters, grid: (parts, count, 1), block: 256, on: stream)
        if turn.plan.draws {
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
        _ turn: SamplingTurn,
        on stream: Stream
    ) throws(CUDAError) {
        for start in stride(from: 0, to: turn.plan.edited.count, by: Self.mostEdited) {
            let parameters = SampleEditedParams(
                logits: logits,
                rows: turn.layout.rows,
                list: turn.layout.edited + UInt64(4 * start),
                listCount: 0,
                biases: turn.layout.biases,
                seen: turn.layout.seen,
                scratch: scratch.address,
                largest: partials.address,
                sums: sums.address,
                tokens: chosen.address,
                hostTokens: turn.tokens,
                pitch: Int32(width),
                unused: 0
            )
            let count = min(Self.mostEdited, turn.plan.edited.count - start)
            let grid = (parts, count, 1)
            try edit.launch(parameters, grid: grid, block: 256, on: stream)
            try weighEdited.launch(parameters, grid: grid, block: 256, overlapsPredecessor: true, on: stream)
            try cut.launch(parameters, grid: (count, 1, 1), block: 1024, overlapsPredecessor: true, on: stream)
        }
    }

    private func reportProbabilities(
        _ logits: UInt64,
        _ width: Int,
        _ turn: SamplingTurn,
        on stream: Stream
    ) throws(CUDAError) {
        guard !turn.plan.reported.isEmpty else { return }
        let parameters = SampleReportParams(
            logits: logits,
            rows: turn.layout.rows,
            list: turn.layout.reported,
            listCount: 0,
            tokens: chosen.address,
            reports: turn.reports,
            pitch: Int32(width),
            unused: 0
        )
        try report.launch(parameters, grid: (turn.plan.reported.count, 1, 1), block: 1024, on: stream)
    }
}
