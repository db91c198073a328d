internal import Core
internal import DequeModule
internal import Paging

extension Scheduler {
    /// Plans the next step.
    ///
    /// Where a step is under way, only if all grow freely: none whose token is awaited may be preempted.
    ///
    /// A waiting sequence whose adapter is on its way is passed over, so that a load holds up nobody else; who starts
    /// instead leaves it the blocks it needs. The head of the queue without room for its adapter lets nobody pass: what
    /// others give back must come to it.
    ///
    /// - Parameter step: replaced; empty when nothing can run.
    package mutating func schedule(into step: inout Step) {
        step.removeAll()
        var budget = configuration.maxBatchedTokens
        scheduleDecodes(&step, &budget)
        schedulePrefills(&step, &budget)
        // Whoever just lost its blocks must not be let in again at once, nor another in its place.
        guard step.preempted.isEmpty else { return }
        admitWaiting(&step, &budget)
    }

    private mutating func scheduleDecodes(_ step: inout Step, _ budget: inout Int) {
        var position = 0
        while position < running.count {
            let index = running[position]
            guard self[index].pendingCount == 1 else {
                position += 1
                continue
            }
            guard grow(index, at: position, &step) else { break }
            append(index, count: 1, to: &step, &budget)
            position += 1
        }
    }

    /// Gives a decoding sequence room for one more token, preempting newer ones if it must.
    ///
    /// - Returns: false when the sequence itself was the newest and had to go.
    private mutating func grow(_ index: SequenceIndex, at position: Int, _ step: inout Step) -> Bool {
        while !reserve(index, upTo: self[index].tokens.count) {
            let victim = running.removeLast()
            precondition(self[victim].awaitedCount == 0, "\(victim) is preempted while a step with it is under way")
            releasePages(of: victim)
            waiting.prepend(victim)
            step.preempted.append(victim)
            // Victims come from behind `position`, where nothing is scheduled yet.
            if victim == index { return false }
        }
        return true
    }

    private mutating func reserve(_ index: SequenceIndex, upTo tokenCount: Int) -> Bool {
        let state = self[index]
        if let room = state.pages?.reservedTokenCount, tokenCount <= room { return true }
        guard var pages = state.pages.take() else { preconditionFailure("\(index) does not run") }
        let fits = cache.reserve(&pages, upTo: tokenCount)
        state.pages = pages
        return fits
    }

    private mutating func schedulePrefills(_ step: inout Step, _ budget: inout Int) {
        for index in running where budget > 0 {
            let pending = self[index].pendingCount
            if pending > 1 { append(index, count: min(pending, budget), to: &step, &budget) }
        }
    }

    private mutating func admitWaiting(_ step: inout Step, _ budget: inout Int) {
        var position = 0
        // Blocks of those passed over, which start as soon as their adapters land.
        var promised = 0
        while position < waiting.count, budget > 0, running.count < configuration.maxSequences {
            let index = waiting[position]
            guard self[index].isReady else {
                if self[index].presence == .coming { promised += startBlockCount(of: index) }
                if self[index].presence == .absent, position == 0 { return }
                position += 1
                continue
            }
            guard start(index, leaving: promised) else { return }
            waiting.remove(at: position)
            insertRunning(index)
            append(index, count: min(self[index].pendingCount, budget), to: &step, &budget)
        }
    }

    /// Starts a sequence if the blocks it may have are enough, and not before they have become more than at the last
    /// try.
    private mutating func start(_ index: SequenceIndex, leaving promised: Int) -> Bool {
        let room = cache.availableBlockCount - promised
        // Where nothing runs, nothing is left for its growth either: fewer blocks may do than at the last try.
        if let blocked, blocked.index == index, room <= blocked.room, !running.isEmpty { return false }
        let starts = reserveStart(of: index, room: room - spareBlockCount)
        blocked = starts ? nil : (index: index, room: room)
        return starts
    }

    /// Takes all blocks that the known tokens need, if there is one more for the next: a prefill once begun never runs
    /// out.
    ///
    /// - Parameter room: blocks that it may take at most.
    private mutating func reserveStart(of index: SequenceIndex, room: Int) -> Bool {
        let state = self[index]
        let tokens = state.tokens
        let available = cache.availableBlockCount
        var (pages, cachedTokens) = cache.startSequence(digest: state.digest, tokens: tokens.buffer.span)
        // Cached blocks that it found are no longer available to it.
        let found = available - cache.availableBlockCount
        let needed = cache.blockCount(forTokens: tokens.count + 1) - pages.blocks.count
        guard needed + found <= room, cache.reserve(&pages, upTo: tokens.count) else {
            cache.free(&pages)
            return false
        }
        cache.countStart(tokenCount: tokens.count, cachedTokens: cachedTokens)
        state.pages = pages
        state.computedCount = cachedTokens
        return true
    }

    private mutating func insertRunning(_ index: SequenceIndex) {
        let arrival = self[index].arrival
        var position = running.count
        while position > 0, self[running[position - 1]].arrival > arrival { position -= 1 }
        running.insert(index, at: position)
    }

    private mutating func append(_ index: SequenceIndex, count: Int, to step: inout Step, _ budget: inout Int) {
        let state = self[index]
        step.sequences.append(
            ScheduledSequence(
                index: index,
                firstToken: state.computedCount,
                count: count,
                wantsToken: state.computedCount + count == state.tokens.count
            )
        )
        budget -= count
    }
}
