import Core
import Paging
import Scheduling
import Testing

/// Who may start before whom when blocks are few.
@Suite struct Admissions {
    private func makeScheduler(blocks: Int) throws -> Scheduler {
        let cache = try KVCache(
            blockCount: blocks,
            blockSize: 4,
            maxTokensPerSequence: blocks * 4,
            enablesPrefixCaching: false
        )
        return Scheduler(SchedulerConfiguration(maxSequences: 4, maxBatchedTokens: 16), cache: cache)
    }

    private func prompt(_ count: Int) -> TokenList { TokenList(Array(repeating: TokenID(1), count: count)) }

    private func commit(_ step: Step, in scheduler: inout Scheduler) {
        for scheduled in step.sequences {
            scheduler.issue(scheduled, awaiting: scheduled.wantsToken ? TokenID(-1) : nil)
            scheduler.commit(scheduled, token: scheduled.wantsToken ? TokenID(7) : nil)
        }
        scheduler.checkInvariants()
    }

    @Test func `nobody passes the head of the queue while there is no room for its adapter`() throws {
        var scheduler = try makeScheduler(blocks: 8)
        let head = scheduler.add(prompt(2), digest: nil, isReady: false)
        let next = scheduler.add(prompt(2), digest: nil, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        #expect(step.sequences.isEmpty)
        scheduler.markComing(head)
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [next])
        commit(step, in: &scheduler)
    }

    @Test func `who passes a sequence whose adapter is on its way leaves it its blocks`() throws {
        var scheduler = try makeScheduler(blocks: 8)
        let coming = scheduler.add(prompt(19), digest: nil, isReady: false)
        let small = scheduler.add(prompt(7), digest: nil, isReady: true)
        _ = scheduler.add(prompt(7), digest: nil, isReady: true)
        scheduler.markComing(coming)
        var step = Step()
        scheduler.schedule(into: &step)
        // Of 8 blocks the first is promised 5 and the second takes 2; the third is left 1.
        #expect(step.sequences.map(\.index) == [small])
        commit(step, in: &scheduler)
        scheduler.markReady(coming)
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [small, coming])
        commit(step, in: &scheduler)
    }

    @Test func `what had too few blocks beside others tries with the same once it is alone`() throws {
        var scheduler = try makeScheduler(blocks: 300)
        let small = scheduler.add(prompt(5), digest: nil, isReady: true)
        // It needs 296 blocks, and beside others 3 more to be spared.
        let large = scheduler.add(prompt(1183), digest: nil, isReady: true)
        var step = Step()
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [small])
        commit(step, in: &scheduler)
        scheduler.finish(small)
        let lent = scheduler.cache.takeBlocks(2, contiguous: false)
        #expect(lent?.count == 2)
        scheduler.schedule(into: &step)
        #expect(step.sequences.map(\.index) == [large])
    }

    @Test func `a share's tokens below a position are counted`() {
        let share = ScheduledSequence(index: SequenceIndex(0), firstToken: 4, count: 6, wantsToken: true)
        #expect([2, 4, 7, 10, 99].map { share.tokenCount(below: $0) } == [0, 0, 3, 6, 6])
    }
}
