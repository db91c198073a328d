package import Core
internal import DequeModule
package import Paging

/// Bounds of one engine's steps.
package struct SchedulerConfiguration: Sendable, Equatable {
    /// Most sequences running at once.
    package var maxSequences: Int
    /// The token budget of a step.
    package var maxBatchedTokens: Int

    package init(maxSequences: Int, maxBatchedTokens: Int) {
        precondition(maxSequences >= 1 && maxBatchedTokens >= maxSequences, "every running sequence can decode")
        self.maxSequences = maxSequences
        self.maxBatchedTokens = maxBatchedTokens
    }
}

/// Decides what each step computes: continuous batching with chunked prefill over a paged KV cache.
///
/// In each step every decoding sequence gets one token, then the token budget's rest goes to prefills, oldest first,
/// then to waiting sequences in order of arrival. When blocks run out, the newest running sequence gives up its own and
/// waits again (Punica section 5.3). No clock, no device, no lock: the same calls give the same steps.
package struct Scheduler: ~Copyable {
    let configuration: SchedulerConfiguration
    /// The blocks, which the engine also lends to adapters.
    package var cache: KVCache
    var sequences: [SequenceState?] = []
    var freeIndices: [SequenceIndex] = []
    /// By arrival, preempted sequences before all that never ran.
    var waiting: Deque<SequenceIndex> = []
    /// By arrival: the last is the newest.
    var running: [SequenceIndex] = []
    /// In no further step, but in one that is under way: their blocks are still written to.
    var retired: [SequenceIndex] = []
    private var arrivals = 0
    /// A waiting sequence that could not start, and the blocks that it could have had.
    var blocked: (index: SequenceIndex, room: Int)?

    package init(_ configuration: SchedulerConfiguration, cache: consuming KVCache) {
        self.configuration = configuration
        self.cache = cache
        running.reserveCapacity(configuration.maxSequences)
    }

    package var waitingCount: Int { waiting.count }
    package var runningCount: Int { running.count }
    package var isIdle: Bool { waiting.isEmpty && running.isEmpty && retired.isEmpty }

    /// Queues a sequence.
    ///
    /// - Parameters:
    ///   - tokens: everything known: the prompt and, after a resume, what was generated. The scheduler appends to it.
    ///   - digest: the adapter whose cached keys and values may be shared; nil for the base.
    ///   - isReady: false until the adapter is on the device, which `markReady` tells.
    /// - Precondition: the cache as a whole has room for the tokens and one more.
    package mutating func add(_ tokens: TokenList, digest: AdapterDigest?, isReady: Bool) -> SequenceIndex {
        precondition(tokens.count > 0, "a sequence has at least one token")
        precondition(cache.blockCount(forTokens: tokens.count + 1) <= cache.blockCount, "the sequence can never run")
        let presence = isReady ? AdapterPresence.ready : .absent
        let state = SequenceState(tokens: tokens, digest: digest, presence: presence, arrival: arrivals)
        arrivals += 1
        let index: SequenceIndex
        if let free = freeIndices.popLast() {
            index = free
            sequences[free.offset] = state
        } else {
            index = SequenceIndex(Int32(sequences.count))
            sequences.append(state)
        }
        waiting.append(index)
        return index
    }

    /// The sequence at a position of the waiting queue, 0 being the next to start.
    package func waitingSequence(at position: Int) -> SequenceIndex { waiting[position] }

    /// Tells that a waiting sequence's adapter has arrived on the device, where it stays until the sequence ends.
    package mutating func markReady(_ index: SequenceIndex) { self[index].presence = .ready }

    /// Tells that a waiting sequence's adapter was sent for, and that there is room for both.
    package mutating func markComing(_ index: SequenceIndex) { self[index].presence = .coming }

    /// Tells that a waiting sequence's adapter is not on the device, nor is there room for it.
    package mutating func markAbsent(_ index: SequenceIndex) {
        precondition(self[index].pages == nil, "\(index) runs and needs its adapter")
        self[index].presence = .absent
    }

    /// Blocks that a waiting sequence takes to start, were nothing of it cached.
    package func startBlockCount(of index: SequenceIndex) -> Int {
        cache.blockCount(forTokens: self[index].tokens.count + 1)
    }

    /// Blocks that the running sequences need for their next step.
    package var growthBlockCount: Int {
        running.reduce(0) { wanted, index in
            let state = self[index]
            return wanted + cache.blockCount(forTokens: state.tokens.count) - (state.pages?.blocks.count ?? 0)
        }
    }

    /// Blocks to leave free for those already running when another starts, lest it is preempted at their next block.
    package var spareBlockCount: Int { running.isEmpty ? 0 : max(1, cache.blockCount / 100) }

    package subscript(index: SequenceIndex) -> SequenceState {
        guard let state = sequences[index.offset] else { preconditionFailure("no sequence \(index)") }
        return state
    }

    /// Whether all that run can have the blocks of their next step without one of them being preempted.
    package var growsFreely: Bool {
        cache.availableBlockCount >= running.count || cache.availableBlockCount >= growthBlockCount
    }

    /// Notes that a step was issued: keys and values of the scheduled tokens will be in the cache for those after it.
    ///
    /// - Parameter awaited: what stands for the token that the step will choose; nil where it chooses none.
    package mutating func issue(_ scheduled: ScheduledSequence, awaiting awaited: TokenID?) {
        let state = self[scheduled.index]
        let settled = state.settledCount
        state.computedCount = scheduled.firstToken + scheduled.count
        index(state, from: settled)
        guard let awaited else { return }
        state.tokens.append(awaited)
        state.awaitedCount += 1
    }

    /// Notes that a step has ended: the token that it chose takes the place of the one that stood for it.
    ///
    /// - Parameter token: nil where the step chose none.
    package mutating func commit(_ scheduled: ScheduledSequence, token: TokenID?) {
        guard let token else { return }
        let state = self[scheduled.index]
        let settled = state.settledCount
        state.tokens.settle(token, at: scheduled.firstToken + scheduled.count)
        state.awaitedCount -= 1
        index(state, from: settled)
    }

    /// Lets others find the blocks that have become full of known tokens.
    private mutating func index(_ state: SequenceState, from settled: Int) {
        // Taken out and put back, so that the page table is changed in place and not copied.
        guard cache.fillsBlock(from: settled, to: state.settledCount), var pages = state.pages.take() else { return }
        cache.commit(&pages, tokens: state.tokens.buffer.span, computed: state.settledCount)
        state.pages = pages
    }

    /// Keeps a running sequence out of further steps while one with it is under way; its blocks are its own until
    /// `finish`.
    package mutating func retire(_ index: SequenceIndex) {
        guard let position = running.firstIndex(of: index) else {
            return precondition(retired.contains(index), "\(index) does not run")
        }
        running.remove(at: position)
        retired.append(index)
    }

    /// Ends a sequence, wherever it is; its blocks become free or cached. No step with it may be under way.
    package mutating func finish(_ index: SequenceIndex) {
        guard let state = sequences[index.offset] else { preconditionFailure("no sequence \(index)") }
        if state.pages != nil {
            releasePages(of: index)
            running.removeAll { $0 == index }
            retired.removeAll { $0 == index }
        } else {
            waiting.removeAll { $0 == index }
        }
        if blocked?.index == index { blocked = nil }
        sequences[index.offset] = nil
        freeIndices.append(index)
    }

    mutating func releasePages(of index: SequenceIndex) {
        let state = self[index]
        guard var pages = state.pages.take() else { return }
        cache.free(&pages)
        state.computedCount = 0
    }
}
