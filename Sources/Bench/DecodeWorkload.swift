internal import Backends
internal import Core
internal import Models
internal import Sampling

/// Sequences that all decode: what `bench decode` runs, laid out as the engine would.
struct DecodeWorkload: ~Copyable {
    let batchSize: Int
    let context: Int
    let blockSize: Int
    let blocksPerSequence: Int
    private let vocabularySize: Int
    /// The adapter of each sequence, those of one side by side; nil for the base.
    private let slots: [AdapterSlot?]
    private let history: UnsafeMutableBufferPointer<TokenID>
    private var batch = Batch()
    private var last: [TokenID]
    private var outputs: [SampledToken?] = []

    /// - Parameters:
    ///   - slots: one for each sequence.
    ///   - steps: how many tokens each sequence gets beyond `context`.
    init(slots: [AdapterSlot?], context: Int, steps: Int, blockSize: Int, vocabularySize: Int) {
        batchSize = slots.count
        self.slots = slots
        self.context = context
        self.blockSize = blockSize
        self.vocabularySize = vocabularySize
        blocksPerSequence = (context + steps + blockSize) / blockSize
        history = .allocate(capacity: context + steps + 1)
        history.initialize(repeating: TokenID(1))
        last = Array(repeating: TokenID(1), count: slots.count)
    }

    deinit { history.deallocate() }

    var blockCount: Int { batchSize * blocksPerSequence }

    /// Computes every sequence's prompt, so that keys and values are real.
    ///
    /// - Parameter budget: rows of a step.
    mutating func prefill<Runner: ModelRunner & ~Copyable>(on runner: inout Runner, budget: Int) throws {
        let vocabularySize = vocabularySize
        for sequence in 0..<batchSize {
            var start = 0
            while start < context {
                let end = min(start + budget, context)
                batch.removeAll()
                append(sequence, start..<end) { TokenID(Int32((sequence * 7919 + $0 * 31 + 1) % vocabularySize)) }
                let requests = end == context ? [request(at: end)] : []
                batch.closeSequence(slot: slots[sequence], wantsToken: end == context)
                try runner.run(batch, requests, into: &outputs)
                start = end
            }
            last[sequence] = outputs.first??.token ?? TokenID(1)
        }
    }

    /// Steps that follow each other as the engine's do: where the device runs ahead, each begins while the one before
    /// it runs.
    ///
    /// - Returns: milliseconds from each step's end to the next one's; first from the beginning to the first end.
    mutating func decode<Runner: ModelRunner & ~Copyable>(steps: Int, on runner: inout Runner) throws -> [Double] {
        var times: [Double] = []
        times.reserveCapacity(steps)
        var (begun, start) = (0, ContinuousClock.now)
        while times.count < steps {
            while begun < min(steps, times.count + (runner.runsAhead ? 2 : 1)) {
                let isAwaited = begun > times.count
                try begin(step: begun, on: &runner) { [last] in isAwaited ? .awaited($0) : last[$0] }
                begun += 1
            }
            try finish(on: &runner)
            let end = ContinuousClock.now
            times.append((end - start) / .milliseconds(1))
            start = end
        }
        return times
    }

    /// A prompt computed beside decodes, in the blocks behind those of the sequences.
    struct Guest {
        let tokens: Int
        /// Not that of a decoding sequence but the last one's.
        let slot: AdapterSlot?
    }

    /// One decode step of all sequences, from its beginning to its end.
    ///
    /// - Parameters:
    ///   - step: tokens that each sequence has beyond its prompt.
    ///   - guest: a prompt that is computed in the same step.
    mutating func decode<Runner: ModelRunner & ~Copyable>(
        step: Int,
        besides guest: Guest? = nil,
        on runner: inout Runner
    ) throws {
        try begin(step: step, besides: guest, on: &runner) { [last] in last[$0] }
        try finish(on: &runner)
    }

    /// - Parameter token: what each sequence goes on with.
    private mutating func begin<Runner: ModelRunner & ~Copyable>(
        step: Int,
        besides guest: Guest? = nil,
        on runner: inout Runner,
        token: (Int) -> TokenID
    ) throws {
        let position = context + step
        batch.removeAll()
        for sequence in 0..<batchSize {
            let token = token(sequence)
            append(sequence, position..<position + 1) { _ in token }
            batch.closeSequence(slot: slots[sequence], wantsToken: true)
        }
        if let guest {
            let vocabularySize = vocabularySize
            append(batchSize, 0..<guest.tokens) { TokenID(Int32(($0 * 31 + 1) % vocabularySize)) }
            batch.closeSequence(slot: guest.slot, wantsToken: false)
        }
        let requests = Array(repeating: request(at: position + 1), count: batchSize)
        try runner.begin(batch, requests)
    }

    private mutating func finish<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws {
        try runner.finish(into: &outputs)
        for sequence in 0..<batchSize { last[sequence] = outputs[sequence]?.token ?? TokenID(1) }
    }

    private mutating func append(_ sequence: Int, _ positions: Range<Int>, token: (Int) -> TokenID) {
        let first = sequence * blocksPerSequence
        for position in positions {
            batch.tokens.append(token(position))
            batch.positions.append(Int32(position))
            batch.kvPositions.append(Int32((first + position / blockSize) * blockSize + position % blockSize))
        }
        let pages = (positions.upperBound + blockSize - 1) / blockSize
        for page in 0..<pages { batch.pageIndices.append(Int32(first + page)) }
    }

    private func request(at count: Int) -> SamplingRequest {
        var parameters = SamplingParameters()
        parameters.temperature = 0
        return SamplingRequest(
            parameters: parameters,
            history: UnsafeBufferPointer(rebasing: history[0..<count]),
            promptCount: context,
            banned: []
        )
    }
}
