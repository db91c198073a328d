internal import Backends
internal import Core
internal import Foundation
internal import Models
internal import Sampling
internal import Scheduling

/// Where the device can, a step is planned and given to it while the one before runs, so that it never waits for the
/// host. The tokens of that one are not known by then: `TokenID.awaited` stands for each. A sequence that ends with
/// such a token is computed once more in vain, and keeps its blocks and its adapter meanwhile.
extension Engine where Runner: ~Copyable {
    /// Begins the next step and ends the one before it; or both of the same one, where the device does not run ahead.
    mutating func step() -> StepOutcome {
        do throws(BackendError) {
            let isFirst = flights.isEmpty
            let forward = isFirst || runner.runsAhead ? try begin() : nil
            if flights.isEmpty { return .nothing }
            // The one after it is not planned before it is time to.
            if isFirst, runner.runsAhead { return .begun }
            return .ended((forward ?? .zero) + (try finish()))
        } catch {
            fail(error)
            return .nothing
        }
    }

    /// Where a step is under way and others could start, waits until it is time to plan the next.
    ///
    /// - Returns: how long it waited.
    mutating func waitToPlan() -> Duration {
        guard runner.runsAhead, !flights.isEmpty, scheduler.runningCount < configuration.maxSequences else {
            pace.noteWait(false)
            return .zero
        }
        pace.noteWait(true)
        let start = ContinuousClock.now
        let end = pace.planningTime(for: flights.oldest)
        var now = start
        // What goes wrong here goes wrong at the step's end as well, and is told there.
        while now < end, (try? runner.isStepDone()) == false {
            usleep(UInt32(min(Self.mostSleep, (end - now) / .microseconds(1) + 1)))
            now = .now
        }
        return now - start
    }

    /// Microseconds that a step may end earlier than expected without being noticed.
    private static var mostSleep: Double { 100 }

    /// Ends all steps that are under way.
    mutating func finishFlights() {
        do throws(BackendError) {
            while !flights.isEmpty { _ = try finish() }
        } catch {
            fail(error)
        }
    }

    /// Plans a step and gives it to the device.
    ///
    /// - Returns: how long giving it took; nil if there is none to begin now.
    private mutating func begin() throws(BackendError) -> Duration? {
        try placeAdapters()
        // Nobody can be preempted while a step with it is under way.
        guard flights.isEmpty || scheduler.growsFreely else { return nil }
        scheduler.schedule(into: &plan)
        counters.preemptions += plan.preempted.count
        guard !plan.sequences.isEmpty else { return nil }
        builder.build(plan, scheduler: scheduler, sequences: sequences)
        let start = ContinuousClock.now
        try runner.begin(builder.batch, builder.requests)
        let duration = ContinuousClock.now - start
        // One that prefills is long in the giving, while the device is at it already.
        if !flights.isEmpty, builder.batch.isDecode { pace.noteBegin(isLate: try runner.isStepDone()) }
        flights.append(rowCount: builder.batch.tokenCount, isDecode: builder.batch.isDecode, begin: start) {
            builder.exchangeOrder(&$0)
        }
        noteIssue()
        return duration
    }

    /// Lets a token stand in for each that the new step will choose, and keeps those that end with it out of the next.
    private mutating func noteIssue() {
        var wanted = 0
        let order = flights.newest.order
        for position in order.indices {
            let scheduled = order[position]
            guard let sequence = sequences[scheduled.index.offset] else { preconditionFailure("no such sequence") }
            sequence.flightCount += 1
            scheduler.issue(scheduled, awaiting: scheduled.wantsToken ? .awaited(wanted) : nil)
            guard scheduled.wantsToken else { continue }
            wanted += 1
            if sequence.ends(at: sequence.tokens.count) { scheduler.retire(scheduled.index) }
        }
    }

    /// Waits for the oldest step and commits it.
    ///
    /// - Returns: how long it waited.
    private mutating func finish() throws(BackendError) -> Duration {
        let start = ContinuousClock.now
        let wasDone = try runner.isStepDone()
        try runner.finish(into: &outputs)
        let end = ContinuousClock.now
        pace.noteEnd(of: flights.oldest, at: end, isExact: !wasDone)
        let order = flights.oldest.order
        (counters.batchSize, counters.batchTokens) = (order.count, flights.oldest.rowCount)
        var wanted = 0
        for position in order.indices {
            let scheduled = order[position]
            commit(scheduled, scheduled.wantsToken ? outputs[wanted] : nil)
            if scheduled.wantsToken { wanted += 1 }
        }
        flights.removeOldest()
        return end - start
    }

    /// Hands a chosen token to its sequence, which may end with it; or lets go of one that had ended meanwhile.
    private mutating func commit(_ scheduled: ScheduledSequence, _ output: SampledToken?) {
        guard let sequence = sequences[scheduled.index.offset] else { preconditionFailure("no such sequence") }
        sequence.flightCount -= 1
        counters.promptTokens += scheduled.tokenCount(below: sequence.promptCount)
        if sequence.hasEnded {
            if sequence.flightCount == 0 { giveBack(scheduled.index, sequence) }
            return
        }
        scheduler.commit(scheduled, token: output?.token)
        guard scheduled.wantsToken else { return }
        guard let output else {
            return end(scheduled.index, with: .failed(.backend("no token has a finite logit")))
        }
        deliver(output, to: scheduled.index, sequence, count: scheduled.firstToken + scheduled.count + 1)
    }

    /// - Parameter count: the sequence's tokens with this one.
    private mutating func deliver(
        _ output: SampledToken,
        to index: SequenceIndex,
        _ sequence: EngineSequence,
        count: Int
    ) {
        counters.generatedTokens += 1
        let token = GeneratedToken(
            index: sequence.generatedCount(of: count) - 1,
            id: output.token,
            logprob: output.logprob,
            top: output.top
        )
        events.append(.token(index, token))
        if let reason = sequence.finishReason(after: output.token, count: count) {
            end(index, with: .finished(reason))
        }
    }

    /// Counts the step that just ended.
    ///
    /// - Parameters:
    ///   - duration: from the one before it, or the taking of messages, to the handing over of events.
    ///   - forward: of it, while the device was given work or waited for.
    mutating func measure(step duration: Duration, forward: Duration) {
        counters.steps += 1
        counters.stepSeconds.observe(duration / .seconds(1))
        counters.overheadSeconds.observe((duration - forward) / .seconds(1))
    }
}

/// What came of a turn of the loop.
enum StepOutcome {
    /// There was nothing to compute, as when all that wait are waiting for their adapters.
    case nothing
    /// A step is under way and none has ended.
    case begun
    /// One has ended, and for so long the device was given work or waited for.
    case ended(Duration)
}
