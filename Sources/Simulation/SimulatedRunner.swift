internal import Cluster
internal import Core

/// A GPU with its engine: continuous batching as in the paper, at most one prefill a step beside all decodes.
///
/// Steps whose batch is the same follow each other as one *run*, whose length and end are computed at once; a run is cut
/// at the end of the step in flight when a request comes or goes. Times are nanoseconds since the simulation began.
struct SimulatedRunner: Sendable {
    /// A sequence of the batch.
    struct Running: Sendable {
        let request: Int32
        let adapter: Int32?
        /// Its tokens are `steps - base`.
        let base: Int
        let promptTokens: Int
        /// The value of `steps` at which it ends.
        let end: Int
    }

    /// A request that was placed here and does not run yet, or was preempted.
    struct Pending: Sendable, Equatable {
        let request: Int32
        var generated: Int
        /// When it and its adapter are here.
        var ready: Int
        /// When its last token was made, if it ran elsewhere or was preempted.
        var interrupted: Int?
    }

    /// Steps of one batch, in progress.
    struct Run: Sendable {
        let start: Int
        let count: Int
        /// Seconds of the first step, and by how much each is longer than the one before.
        let first: Double
        let growth: Double
        let prefill: Pending?

        func seconds(steps: Int) -> Double {
            Double(steps) * first + growth * Double(steps) * Double(steps - 1) / 2
        }

        func time(steps: Int) -> Int { start + Int((seconds(steps: steps) * 1e9).rounded(.up)) }
        var end: Int { time(steps: count) }

        /// Whole steps that are over at a time before the end.
        func completed(at now: Int) -> Int {
            let elapsed = Double(now - start) / 1e9
            let linear = first - growth / 2
            let root = (linear * linear + 2 * growth * elapsed).squareRoot()
            // The quadratic's root in the form that stays exact when growth is small.
            var steps = min(count - 1, max(0, Int(2 * elapsed / (linear + root))))
            while steps > 0, time(steps: steps) > now { steps -= 1 }
            while steps < count - 1, time(steps: steps + 1) <= now { steps += 1 }
            return steps
        }
    }

    let id: RunnerID
    private(set) var running: [Running] = []
    private(set) var pending: [Pending] = []
    private(set) var run: Run?
    /// Tokens that a sequence would have that has run since the beginning.
    private var steps = 0
    private var contextTokens = 0
    /// Adapters on the GPU and when each was last asked for.
    private var resident: [Int32: Int] = [:]
    private var hasEvicted = false
    private var hasPreempted = false
    private(set) var lastReport = 0
    /// Distinguishes the last scheduled event from those that a change made void.
    var version: Int32 = 0

    init(id: RunnerID) { self.id = id }

    /// What the paper's figure shows: the requests that a GPU has.
    var load: Int { running.count + pending.count }

    func generated(_ sequence: Running) -> Int { steps - sequence.base }
}

/// What happens to a runner.
extension SimulatedRunner {
    /// A new process starts on the machine: no adapter is there.
    mutating func restart(at now: Int) {
        precondition(load == 0 && run == nil, "\(id) is idle")
        resident.removeAll()
        (hasEvicted, hasPreempted, lastReport) = (false, false, now)
    }

    /// A request comes; its adapter is loaded if need be.
    mutating func enqueue(_ request: Int32, generated: Int, interrupted: Int?, in world: SimulatedWorld, at now: Int) {
        cut(at: now)
        let adapter = world.trace.requests[Int(request)].adapter
        let load = adapter.map { touch($0, in: world, at: now) } ?? 0
        let ready = now + Int((world.preset.handover + load) * 1e9)
        pending.append(Pending(request: request, generated: generated, ready: ready, interrupted: interrupted))
    }

    /// A request goes, by a move; the token of the step in flight is lost to it.
    ///
    /// - Returns: its tokens, and when the last of them was made.
    mutating func cancel(_ request: Int32, in world: SimulatedWorld, at now: Int) -> (generated: Int, interrupted: Int?)
    {
        cut(at: now)
        if let position = pending.firstIndex(where: { $0.request == request }) {
            let gone = pending.remove(at: position)
            return (gone.generated, gone.interrupted)
        }
        if let current = run, let prefill = current.prefill, prefill.request == request {
            run = Run(start: current.start, count: 1, first: current.first, growth: 0, prefill: nil)
            return (prefill.generated, prefill.interrupted)
        }
        guard let position = running.firstIndex(where: { $0.request == request }) else {
            preconditionFailure("request \(request) is on \(id)")
        }
        let gone = running.remove(at: position)
        contextTokens -= gone.promptTokens + generated(gone)
        return (generated(gone), run?.start ?? now)
    }

    /// The run is over: tokens are handed out, what has ended leaves, and the next run is planned.
    mutating func finishRun(in world: SimulatedWorld, at now: Int, _ events: inout [RunnerEvent]) {
        if let run {
            precondition(run.end == now, "a run ends when it was to end")
            advance(by: run.count)
            if let prefill = run.prefill { start(prefill, in: world, at: now, &events) }
            self.run = nil
        }
        for sequence in running where steps >= sequence.end {
            contextTokens -= sequence.promptTokens + generated(sequence)
            events.append(.finished(sequence.request))
        }
        let steps = steps
        running.removeAll { steps >= $0.end }
    }

    private mutating func start(
        _ prefill: Pending,
        in world: SimulatedWorld,
        at now: Int,
        _ events: inout [RunnerEvent]
    ) {
        let request = world.trace.requests[Int(prefill.request)]
        let sequence = Running(
            request: prefill.request,
            adapter: request.adapter,
            base: steps - prefill.generated - 1,
            promptTokens: Int(request.promptTokens),
            end: steps - prefill.generated - 1 + Int(request.outputTokens)
        )
        running.append(sequence)
        contextTokens += sequence.promptTokens + prefill.generated + 1
        if prefill.generated == 0 { events.append(.firstToken(prefill.request)) }
        if let interrupted = prefill.interrupted { events.append(.resumed(gap: now - interrupted)) }
    }

    /// Cuts the run at the end of the step in flight.
    private mutating func cut(at now: Int) {
        guard let current = run, current.count > 1 else { return }
        let done = current.completed(at: now)
        let started = current.time(steps: done)
        advance(by: done)
        let length = Double(current.time(steps: done + 1) - started) / 1e9
        run = Run(start: started, count: 1, first: length, growth: 0, prefill: nil)
    }

    private mutating func advance(by count: Int) {
        steps += count
        contextTokens += count * running.count
    }

    /// - Returns: seconds until the adapter is on the GPU; making room is free.
    private mutating func touch(_ adapter: Int32, in world: SimulatedWorld, at now: Int) -> Double {
        defer { resident[adapter] = now }
        if resident[adapter] != nil { return 0 }
        if resident.count >= SimulatedWorld.residentAdapters, let oldest = resident.min(by: Self.isOlder) {
            resident[oldest.key] = nil
            hasEvicted = true
        }
        return Double(world.adapterBytes(adapter)) / world.preset.loadRate
    }

    private static func isOlder(_ left: (key: Int32, value: Int), _ right: (key: Int32, value: Int)) -> Bool {
        (left.value, left.key) < (right.value, right.key)
    }
}

/// Planning.
extension SimulatedRunner {
    /// Plans the next run if none is in progress.
    ///
    /// - Returns: when the runner is to be looked at again; nil if it has nothing to do.
    mutating func plan(in world: SimulatedWorld, at now: Int) -> Int? {
        if let run { return run.end }
        var blocks = usedBlocks(in: world)
        while blocks > world.preset.blockCount, running.count > 1 {
            preemptNewest(at: now)
            blocks = usedBlocks(in: world)
        }
        let prefill = takePrefill(in: world, usedBlocks: blocks, at: now)
        guard prefill != nil || !running.isEmpty else { return pending.map(\.ready).min() }
        let planned = makeRun(prefill, in: world, freeBlocks: world.preset.blockCount - blocks, at: now)
        run = planned
        return planned.end
    }

    private func makeRun(_ prefill: Pending?, in world: SimulatedWorld, freeBlocks: Int, at now: Int) -> Run {
        var load = StepTimeModel.Load(
            batch: running.count,
            contextTokens: contextTokens,
            rankSum: rankSum(prefill, in: world)
        )
        if let prefill {
            load.batch += 1
            load.prefillTokens = Int(world.trace.requests[Int(prefill.request)].promptTokens) + prefill.generated
            let seconds = world.preset.step.seconds(load)
            return Run(start: now, count: 1, first: seconds, growth: 0, prefill: prefill)
        }
        let seconds = world.preset.step.seconds(load)
        let growth = world.preset.step.perContextToken * Double(running.count)
        var count = running.reduce(Int.max) { min($0, $1.end - steps) }
        // So many steps surely find blocks; then it is looked again.
        count = min(count, max(1, freeBlocks / running.count * world.preset.blockSize))
        let run = Run(start: now, count: count, first: seconds, growth: growth, prefill: nil)
        let next = pending.lazy.map(\.ready).filter { $0 > now }.min()
        guard let next, next < run.end else { return run }
        return Run(start: now, count: run.completed(at: next) + 1, first: seconds, growth: growth, prefill: nil)
    }

    /// The first request that is here, if there is room for it.
    private mutating func takePrefill(in world: SimulatedWorld, usedBlocks: Int, at now: Int) -> Pending? {
        guard running.count < world.preset.maxBatch else { return nil }
        guard let position = pending.firstIndex(where: { $0.ready <= now }) else { return nil }
        let request = world.trace.requests[Int(pending[position].request)]
        let tokens = Int(request.promptTokens) + pending[position].generated
        var need = tokens / world.preset.blockSize + 1
        if let adapter = request.adapter, !running.contains(where: { $0.adapter == adapter }) {
            need += world.adapterBlocks(adapter)
        }
        guard usedBlocks + need <= world.preset.blockCount || running.isEmpty else { return nil }
        return pending.remove(at: position)
    }

    private mutating func preemptNewest(at now: Int) {
        let newest = running.removeLast()
        contextTokens -= newest.promptTokens + generated(newest)
        let back = Pending(request: newest.request, generated: generated(newest), ready: now, interrupted: now)
        pending.insert(back, at: 0)
        hasPreempted = true
    }

    /// Blocks of the batch, each sequence's next token included, and of its adapters.
    private func usedBlocks(in world: SimulatedWorld) -> Int {
        var blocks = 0
        forEachAdapter { blocks += world.adapterBlocks($0) }
        for sequence in running {
            blocks += (sequence.promptTokens + generated(sequence)) / world.preset.blockSize + 1
        }
        return blocks
    }

    private func rankSum(_ prefill: Pending?, in world: SimulatedWorld) -> Int {
        var sum = 0
        forEachAdapter { sum += world.trace.adapters[Int($0)].rank }
        guard let prefill, let adapter = world.trace.requests[Int(prefill.request)].adapter else { return sum }
        return running.contains { $0.adapter == adapter } ? sum : sum + world.trace.adapters[Int(adapter)].rank
    }

    /// Each adapter of the batch once.
    private func forEachAdapter(_ body: (Int32) -> Void) {
        for (position, sequence) in running.enumerated() {
            guard let adapter = sequence.adapter else { continue }
            if !running[..<position].contains(where: { $0.adapter == adapter }) { body(adapter) }
        }
    }

    /// What a runner tells the scheduler; nil if it told it lately and nothing urgent has happened.
    mutating func report(in world: SimulatedWorld, at now: Int) -> RunnerReport? {
        guard hasPreempted || now - lastReport >= world.reportInterval else { return nil }
        lastReport = now
        hasPreempted = false
        let isChanged = hasEvicted
        hasEvicted = false
        return RunnerReport(
            freeBlocks: max(0, world.preset.blockCount - usedBlocks(in: world)),
            running: running.count + (run?.prefill == nil ? 0 : 1),
            waiting: pending.count,
            residentAdapters: isChanged ? resident.keys.map { world.trace.adapters[Int($0)].digest } : nil,
            stepTime: run.map { .nanoseconds(Int($0.first * 1e9)) },
            requests: running.map { (world.id($0.request), generated($0)) }
        )
    }
}

/// What a runner's boundary brought.
enum RunnerEvent: Sendable, Equatable {
    case firstToken(Int32)
    case finished(Int32)
    /// A moved or preempted request made a token again, so long after the one before.
    case resumed(gap: Int)
}
