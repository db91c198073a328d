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
    var plan = Step()
    var builder = BatchBuilder()
    /// Steps that were begun and have not ended.
    var flights = Flights()
    var pace = StepPace()
    var outputs: [SampledToken?] = []
    /// Events of this step, for `exchangeEvents`.
    var events: [PendingEvent] = []
    var counters = EngineStatistics()

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

    var isIdle: Bool { scheduler.isIdle && flights.isEmpty }
    /// Whether every request has had its last event, though a step with some may still be under way.
    var hasNoRequests: Bool { indices.isEmpty }

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
        finishFlights()
        for index in Array(indices.values) { end(index, with: .finished(.cancelled)) }
    }

    /// The one place where a request ends: its last event goes out, and what it holds on the device is given back as
    /// soon as no step with it is under way.
    ///
    /// The last hold on the adapter may be the request's own. It leaves with the event, since its end takes a lock and
    /// frees memory.
    mutating func end(_ index: SequenceIndex, with event: GenerationEvent) {
        guard let sequence = sequences[index.offset] else { preconditionFailure("no sequence \(index)") }
        counters.finished.count(event)
        events.append(.end(index, event, lease: sequence.takeLease()))
        indices[sequence.id] = nil
        sequence.hasEnded = true
        if sequence.flightCount == 0 { giveBack(index, sequence) } else { scheduler.retire(index) }
    }

    /// Gives back an ended sequence's blocks and its adapter.
    mutating func giveBack(_ index: SequenceIndex, _ sequence: EngineSequence) {
        scheduler.finish(index)
        sequences[index.offset] = nil
        release(sequence)
    }

    /// Ends everything, now and from now on, because the device computes no more.
    mutating func fail(_ error: BackendError) {
        counters.failure = error.description
        flights.removeAll()
        for offset in sequences.indices {
            guard let sequence = sequences[offset] else { continue }
            let index = SequenceIndex(Int32(offset))
            sequence.flightCount = 0
            if sequence.hasEnded {
                giveBack(index, sequence)
            } else {
                end(index, with: .failed(.backend(error.description)))
            }
        }
    }

    /// Exchanges the events gathered so far for an empty list whose memory is reused.
    mutating func exchangeEvents(_ other: inout [PendingEvent]) { swap(&events, &other) }

    var hasEvents: Bool { !events.isEmpty }
}
