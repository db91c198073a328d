internal import Adapters
internal import Backends
internal import Core
internal import Models
internal import Paging
internal import Sampling
internal import Scheduling

/// The step loop's state: everything mutable about one device, owned by one thread.
///
///     admit → (schedule → run → commit)* → one last event for each request
struct Engine<Runner: ModelRunner & ~Copyable>: ~Copyable {
    let configuration: EngineConfiguration
    var runner: Runner
    var scheduler: Scheduler
    var sequences: [EngineSequence?] = []
    private(set) var indices: [RequestID: SequenceIndex] = [:]
    var adapters = ResidentAdapters()
    private var plan = Step()
    private var builder = BatchBuilder()
    private var outputs: [SampledToken?] = []
    /// Events of this step, for `takeEvents`.
    private var events: [PendingEvent] = []
    private(set) var counters = EngineStatistics()

    init(_ configuration: EngineConfiguration, runner: consuming Runner) throws(PagingError) {
        let cache = try KVCache(
            blockCount: configuration.blockCount,
            blockSize: configuration.blockSize,
            maxTokensPerSequence: configuration.maxSequenceLength,
            enablesPrefixCaching: configuration.sharesPrefixes
        )
        let scheduling = SchedulerConfiguration(
            maxSequences: configuration.maxSequences,
            maxBatchedTokens: configuration.maxBatchedTokens
        )
        self.configuration = configuration
        self.runner = runner
        scheduler = Scheduler(scheduling, cache: cache)
    }

    var isIdle: Bool { scheduler.isIdle }

    /// Queues a request that was checked at submission, or fails it if the device has failed.
    mutating func admit(_ submission: Submission) {
        if let failure = counters.failure { return refuse(submission, .backend(failure)) }
        let footprint = submission.request.adapter.map { runner.footprint(of: $0.adapter) } ?? .none
        let free = configuration.blockCount - footprint.blocks
        let sequence = EngineSequence(
            submission,
            footprint: footprint,
            maxLength: min(configuration.maxSequenceLength, free * configuration.blockSize)
        )
        guard sequence.tokens.count < sequence.maxLength else {
            // Adapter and prompt do not fit on the device together.
            let needed = footprint.blocks + scheduler.cache.blockCount(forTokens: sequence.tokens.count + 1)
            return refuse(submission, .noRoom(blocks: needed, limit: configuration.blockCount))
        }
        let digest = submission.request.adapter?.adapter.digest
        let index = scheduler.add(sequence.tokens, digest: digest, isReady: digest == nil)
        while sequences.count <= index.offset { sequences.append(nil) }
        sequences[index.offset] = sequence
        indices[submission.request.id] = index
        events.append(.opening(index, submission.events))
    }

    /// Ends a request that never becomes a sequence.
    private mutating func refuse(_ submission: Submission, _ error: EngineError) {
        let event = GenerationEvent.failed(error)
        counters.finished.count(event)
        events.append(.refusal(submission.events, event, lease: submission.request.adapter))
    }

    /// Ends a request that somebody no longer wants; nothing happens if it has ended already.
    mutating func cancel(_ id: RequestID) {
        guard let index = indices[id] else { return }
        end(index, with: .finished(.cancelled))
    }

    mutating func cancelAll() {
        for index in Array(indices.values) { end(index, with: .finished(.cancelled)) }
    }

    /// One scheduler decision and one forward pass.
    ///
    /// - Returns: how long the forward pass took; nil if there was nothing to compute, as when all that wait are
    ///   waiting for their adapters.
    mutating func step() -> Duration? {
        do {
            try schedule()
        } catch {
            fail(error)
            return nil
        }
        guard !plan.sequences.isEmpty else { return nil }
        builder.build(plan, scheduler: scheduler, sequences: sequences)
        let start = ContinuousClock.now
        do {
            try runner.run(builder.batch, builder.requests, into: &outputs)
        } catch {
            fail(error)
            return ContinuousClock.now - start
        }
        let forward = ContinuousClock.now - start
        commit()
        return forward
    }

    private mutating func schedule() throws(BackendError) {
        try placeAdapters()
        scheduler.schedule(into: &plan)
        counters.preemptions += plan.preempted.count
    }

    /// Hands each chosen token to its sequence, and ends those that are done.
    private mutating func commit() {
        var wanted = 0
        for position in 0..<builder.order.count {
            let scheduled = builder.order[position]
            let promptCount = sequences[scheduled.index.offset]?.request.prompt.count ?? 0
            counters.promptTokens += scheduled.tokenCount(below: promptCount)
            guard scheduled.wantsToken else {
                scheduler.commit(scheduled, token: nil)
                continue
            }
            let output = outputs[wanted]
            wanted += 1
            scheduler.commit(scheduled, token: output?.token)
            guard let output else {
                end(scheduled.index, with: .failed(.backend("no token has a finite logit")))
                continue
            }
            deliver(output, to: scheduled.index)
        }
    }

    private mutating func deliver(_ output: SampledToken, to index: SequenceIndex) {
        guard let sequence = sequences[index.offset] else { preconditionFailure("no sequence \(index)") }
        counters.generatedTokens += 1
        let token = GeneratedToken(
            index: sequence.generatedCount - 1,
            id: output.token,
            logprob: output.logprob,
            top: output.top
        )
        events.append(.token(index, token))
        let reason = sequence.finishReason(after: output.token)
        if let reason { end(index, with: .finished(reason)) }
    }

    /// The one place where a request ends: its last event goes out, its blocks and its adapter are given back.
    ///
    /// The last hold on the adapter may be the request's own. It leaves with the event, since its end takes a lock and
    /// frees memory.
    private mutating func end(_ index: SequenceIndex, with event: GenerationEvent) {
        guard let sequence = sequences[index.offset] else { preconditionFailure("no sequence \(index)") }
        counters.finished.count(event)
        events.append(.end(index, event, lease: sequence.request.adapter))
        scheduler.finish(index)
        indices[sequence.request.id] = nil
        sequences[index.offset] = nil
        release(sequence)
    }

    /// Ends everything, now and from now on, because the device computes no more.
    private mutating func fail(_ error: BackendError) {
        counters.failure = error.description
        for index in Array(indices.values) { end(index, with: .failed(.backend(error.description))) }
    }

    /// Exchanges the events gathered so far for an empty list whose memory is reused.
    mutating func exchangeEvents(_ other: inout [PendingEvent]) { swap(&events, &other) }

    var hasEvents: Bool { !events.isEmpty }

    /// Counts the step that just ended.
    ///
    /// - Parameter duration: from the taking of messages to the handing over of events.
    mutating func measure(step duration: Duration, forward: Duration) {
        counters.steps += 1
        counters.batchSize = plan.sequences.count
        counters.batchTokens = builder.batch.tokenCount
        counters.stepSeconds.observe(duration / .seconds(1))
        counters.overheadSeconds.observe((duration - forward) / .seconds(1))
    }
}
