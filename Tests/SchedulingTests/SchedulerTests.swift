import Core
import Paging
import Scheduling
import TestSupport
import Testing

@Suite struct Schedulers {
    private func makeScheduler(
        blocks: Int = 16,
        blockSize: Int = 4,
        sequences: Int = 4,
        tokens: Int = 16,
        sharesPrefixes: Bool = false
    ) throws -> Scheduler {
        let cache = try KVCache(
            blockCount: blocks,
            blockSize: blockSize,
            maxTokensPerSequence: blocks * blockSize,
            enablesPrefixCaching: sharesPrefixes
        )
        return Scheduler(SchedulerConfiguration(maxSequences: sequences, maxBatchedTokens: tokens), cache: cache)
    }

    private func prompt(_ count: Int, of token: Int32 = 1) -> TokenList {
        TokenList(Array(repeating: TokenID(token), count: count))
    }

    /// Commits every scheduled sequence, with the same next token for all.
    private func commit(_ step: Step, in scheduler: inout Scheduler, token: Int32 = 7) {
        for scheduled in step.sequences {
            scheduler.issue(scheduled, awaiting: scheduled.wantsToken ? TokenID(-1) : nil)
            scheduler.commit(scheduled, token: scheduled.wantsToken ? TokenID(token) : nil)
        }
        scheduler.checkInvariants()
    }

    @Test func `a prompt longer than the budget is computed in chunks and then decodes`() throws {
        var scheduler = try makeScheduler(tokens: 16)
        let index = scheduler.add(prompt(20), digest: nil, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        #expect(step.sequences == [ScheduledSequence(index: index, firstToken: 0, count: 16, wantsToken: false)])
        commit(step, in: &scheduler)
        scheduler.schedule(into: &step)
        #expect(step.sequences == [ScheduledSequence(index: index, firstToken: 16, count: 4, wantsToken: true)])
        commit(step, in: &scheduler)
        scheduler.schedule(into: &step)
        #expect(step.sequences == [ScheduledSequence(index: index, firstToken: 20, count: 1, wantsToken: true)])
    }

    @Test func `decodes come before a prefill in progress`() throws {
        var scheduler = try makeScheduler(tokens: 8)
        let first = scheduler.add(prompt(4), digest: nil, isReady: true)
        let second = scheduler.add(prompt(20), digest: nil, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.count) == [4, 4])
        commit(step, in: &scheduler)
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [first, second])
        #expect(step.sequences.map(\.count) == [1, 7])
    }

    @Test func `waiting sequences start in order of arrival, up to the limit`() throws {
        var scheduler = try makeScheduler(sequences: 2)
        let indices = (0..<4).map { _ in scheduler.add(prompt(2), digest: nil, isReady: true) }
        var step = Step()
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == Array(indices[0..<2]))
        commit(step, in: &scheduler)
        scheduler.finish(indices[0])
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [indices[1], indices[2]])
    }

    @Test func `a sequence whose adapter is on its way is passed over until it is ready`() throws {
        var scheduler = try makeScheduler()
        let loading = scheduler.add(prompt(2), digest: nil, isReady: false)
        let ready = scheduler.add(prompt(2), digest: nil, isReady: true)
        scheduler.markComing(loading)
        var step = Step()
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [ready])
        commit(step, in: &scheduler)
        scheduler.markReady(loading)
        scheduler.schedule(into: &step)
        #expect(Set(step.sequences.map(\.index)) == [loading, ready])
    }

    @Test func `when blocks run out the newest running sequence is preempted and later resumed`() throws {
        var scheduler = try makeScheduler(blocks: 4, blockSize: 4)
        let old = scheduler.add(prompt(6), digest: nil, isReady: true)
        let new = scheduler.add(prompt(3), digest: nil, isReady: true)
        var step = Step()
        var preempted: [SequenceIndex] = []
        for _ in 0..<9 {
            scheduler.schedule(into: &step)
            preempted += step.preempted
            commit(step, in: &scheduler)
        }
        #expect(preempted.first == new)
        #expect(!preempted.contains(old))
        #expect(scheduler[old].tokens.count == 15)
        scheduler.finish(old)
        scheduler.schedule(into: &step)
        // All that was known is computed anew: the prompt and the tokens generated before.
        #expect(step.sequences.map(\.index) == [new])
        #expect(step.sequences.first?.firstToken == 0)
        #expect(step.sequences.first?.count == scheduler[new].tokens.count)
        #expect(step.sequences.first?.wantsToken == true)
    }

    @Test func `a preempted sequence goes before all that never ran`() throws {
        var scheduler = try makeScheduler(blocks: 4, blockSize: 4, sequences: 2)
        let old = scheduler.add(prompt(6), digest: nil, isReady: true)
        let new = scheduler.add(prompt(3), digest: nil, isReady: true)
        _ = scheduler.add(prompt(3), digest: nil, isReady: true)
        var step = Step()
        var rounds = 0
        while step.preempted.isEmpty, rounds < 20 {
            scheduler.schedule(into: &step)
            commit(step, in: &scheduler)
            rounds += 1
        }
        #expect(step.preempted == [new])
        scheduler.finish(old)
        scheduler.schedule(into: &step)
        #expect(step.sequences.first?.index == new)
    }

    @Test func `a shared prefix is not computed again, but only under the same adapter`() throws {
        var scheduler = try makeScheduler(sharesPrefixes: true)
        let digest = AdapterDigest(bytes: Array(repeating: 1, count: 32))
        let first = scheduler.add(prompt(9), digest: digest, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        commit(step, in: &scheduler)
        scheduler.finish(first)
        let same = scheduler.add(prompt(9), digest: digest, isReady: true)
        scheduler.schedule(into: &step)
        #expect(step.sequences.first?.firstToken == 8)
        commit(step, in: &scheduler)
        scheduler.finish(same)
        let other = scheduler.add(prompt(9), digest: nil, isReady: true)
        scheduler.schedule(into: &step)
        #expect(step.sequences == [ScheduledSequence(index: other, firstToken: 0, count: 9, wantsToken: true)])
    }

    @Test func `a sequence that waits for blocks is counted once, however often it is tried`() throws {
        var scheduler = try makeScheduler(blocks: 8, blockSize: 4, sharesPrefixes: true)
        let first = scheduler.add(prompt(5), digest: nil, isReady: true)
        let second = scheduler.add(prompt(9, of: 3), digest: nil, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        commit(step, in: &scheduler)
        let head = scheduler.add(prompt(17, of: 2), digest: nil, isReady: true)
        var counts: [Int] = []
        for ended in [nil, first, second] {
            // Each end gives the head more blocks to try with; only the second gives enough.
            if let ended { scheduler.finish(ended) }
            scheduler.schedule(into: &step)
            #expect(step.sequences.contains { $0.index == head } == (ended == second))
            counts.append(scheduler.cache.statistics.queriedTokens)
        }
        #expect(counts == [14, 14, 14 + 17])
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `whatever comes and goes, blocks add up and everybody finishes`(seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        var scheduler = try makeScheduler(
            blocks: 8,
            blockSize: 2,
            sequences: 3,
            tokens: 5,
            sharesPrefixes: seed % 2 == 0
        )
        let digests: [AdapterDigest?] = [nil, AdapterDigest(bytes: Array(repeating: 1, count: 32))]
        var open: [SequenceIndex: Int] = [:]
        var (added, finished) = (0, 0)
        var step = Step()
        for round in 0..<20_000 {
            if round < 18_000, open.count < 8, Bool.random(using: &generator) {
                let count = Int.random(in: 1...12, using: &generator)
                let tokens = (0..<count).map { _ in TokenID(Int32.random(in: 0...1, using: &generator)) }
                let digest = digests[Int.random(in: 0...1, using: &generator)]
                let index = scheduler.add(TokenList(tokens), digest: digest, isReady: true)
                open[index] = min(15, count + Int.random(in: 1...6, using: &generator))
                added += 1
            }
            scheduler.schedule(into: &step)
            #expect(step.tokenCount <= 5)
            #expect(open.isEmpty || !step.sequences.isEmpty || !step.preempted.isEmpty, "nothing moves")
            for scheduled in step.sequences {
                let token = TokenID(Int32.random(in: 0...1, using: &generator))
                scheduler.issue(scheduled, awaiting: scheduled.wantsToken ? TokenID(-1) : nil)
                scheduler.commit(scheduled, token: scheduled.wantsToken ? token : nil)
                if scheduled.wantsToken, scheduler[scheduled.index].tokens.count >= open[scheduled.index] ?? 0 {
                    scheduler.finish(scheduled.index)
                    open[scheduled.index] = nil
                    finished += 1
                }
            }
            if Int.random(in: 0..<50, using: &generator) == 0, let cancelled = open.keys.sorted().first {
                scheduler.finish(cancelled)
                open[cancelled] = nil
                finished += 1
            }
            if round % 16 == 0 { scheduler.checkInvariants() }
        }
        #expect(open.isEmpty)
        #expect(added == finished)
        let (isIdle, available) = (scheduler.isIdle, scheduler.cache.availableBlockCount)
        #expect(isIdle)
        #expect(available == 8)
    }

    @Test func `a retired sequence is in no step and keeps its blocks until it is finished`() throws {
        var scheduler = try makeScheduler(blocks: 4, blockSize: 4)
        let first = scheduler.add(prompt(7), digest: nil, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        for scheduled in step.sequences { scheduler.issue(scheduled, awaiting: TokenID(-1)) }
        scheduler.retire(first)
        scheduler.retire(first)
        scheduler.checkInvariants()
        let second = scheduler.add(prompt(9), digest: nil, isReady: true)
        scheduler.schedule(into: &step)
        #expect(step.sequences.isEmpty, "the second needs three of the two blocks that are left")
        let isIdle = scheduler.isIdle
        #expect(!isIdle)
        scheduler.finish(first)
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [second])
        scheduler.checkInvariants()
    }

    @Test func `a block is found by others when it is under way, but only once its tokens are known`() throws {
        var scheduler = try makeScheduler(tokens: 32, sharesPrefixes: true)
        let first = scheduler.add(prompt(7), digest: nil, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        let prefill = try #require(step.sequences.first)
        scheduler.issue(prefill, awaiting: TokenID(-1))
        #expect(cachedTokenCount(of: prompt(9), in: scheduler) == 4)
        // The second block is full with a token that nobody knows yet.
        scheduler.schedule(into: &step)
        let decode = try #require(step.sequences.first)
        scheduler.issue(decode, awaiting: TokenID(-1))
        #expect(cachedTokenCount(of: prompt(9), in: scheduler) == 4)
        scheduler.commit(prefill, token: TokenID(1))
        #expect(cachedTokenCount(of: prompt(9), in: scheduler) == 8)
        scheduler.commit(decode, token: TokenID(1))
        let tokens = scheduler[first].tokens
        #expect(tokens.buffer.map(\.rawValue) == Array(repeating: 1, count: 9))
        scheduler.checkInvariants()
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `with a step under way while the next is planned, blocks add up and everybody finishes`(seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        var scheduler = try makeScheduler(
            blocks: 8,
            blockSize: 2,
            sequences: 3,
            tokens: 5,
            sharesPrefixes: seed % 2 == 0
        )
        /// How long each sequence gets, and in how many steps that are under way it is.
        var open: [SequenceIndex: (length: Int, flights: Int, hasEnded: Bool)] = [:]
        var flights: [[ScheduledSequence]] = []
        var (added, finished, ahead) = (0, 0, 0)
        var step = Step()
        func end(_ index: SequenceIndex, _ scheduler: inout Scheduler) {
            if open[index]?.flights == 0 {
                scheduler.finish(index)
                open[index] = nil
                finished += 1
            } else {
                open[index]?.hasEnded = true
                scheduler.retire(index)
            }
        }
        for round in 0..<20_000 {
            if round < 18_000, open.count < 8, Bool.random(using: &generator) {
                let count = Int.random(in: 1...12, using: &generator)
                let tokens = (0..<count).map { _ in TokenID(Int32.random(in: 0...1, using: &generator)) }
                let index = scheduler.add(TokenList(tokens), digest: nil, isReady: true)
                open[index] = (min(15, count + Int.random(in: 1...6, using: &generator)), 0, false)
                added += 1
            }
            if flights.isEmpty || (flights.count < 2 && scheduler.growsFreely) {
                scheduler.schedule(into: &step)
                #expect(flights.isEmpty || step.preempted.isEmpty)
                for (number, scheduled) in step.sequences.enumerated() {
                    open[scheduled.index]?.flights += 1
                    scheduler.issue(scheduled, awaiting: scheduled.wantsToken ? TokenID(Int32(-1 - number)) : nil)
                }
                if !step.sequences.isEmpty { flights.append(step.sequences) }
                ahead += flights.count == 2 ? 1 : 0
            }
            if flights.count == 2 || Bool.random(using: &generator), !flights.isEmpty {
                for scheduled in flights.removeFirst() {
                    let index = scheduled.index
                    open[index]?.flights -= 1
                    if open[index]?.hasEnded == true {
                        if open[index]?.flights == 0 { end(index, &scheduler) }
                        continue
                    }
                    let token = TokenID(Int32.random(in: 0...1, using: &generator))
                    scheduler.commit(scheduled, token: scheduled.wantsToken ? token : nil)
                    let count = scheduled.firstToken + scheduled.count + 1
                    if scheduled.wantsToken, count >= open[index]?.length ?? 0 { end(index, &scheduler) }
                }
            }
            if Int.random(in: 0..<50, using: &generator) == 0,
                let cancelled = open.filter({ !$0.value.hasEnded }).keys.min()
            {
                end(cancelled, &scheduler)
            }
            if round % 16 == 0 { scheduler.checkInvariants() }
        }
        #expect(open.isEmpty)
        #expect(added == finished)
        #expect(ahead > 1000)
        let (isIdle, available) = (scheduler.isIdle, scheduler.cache.availableBlockCount)
        #expect(isIdle)
        #expect(available == 8)
    }
}

/// How many of the tokens a sequence that began now would find computed.
private func cachedTokenCount(of tokens: TokenList, in scheduler: borrowing Scheduler) -> Int {
    var cache = scheduler.cache
    return cache.startSequence(digest: nil, tokens: tokens.buffer.span).cachedTokens
}
