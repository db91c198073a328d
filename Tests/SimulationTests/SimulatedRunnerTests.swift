import Cluster
import Core
import Testing

@testable import Simulation

@Suite struct SimulatedRunners {
    /// A GPU, step by step: the twin that the closed form is compared with.
    private struct NaiveGPU {
        let world: SimulatedWorld
        var waiting: [(request: Int, ready: Int)] = []
        var running: [(request: Int, tokens: Int)] = []
        var finish: [Int: Int] = [:]
        var now = 0

        mutating func run() {
            while finish.count < world.trace.requests.count {
                if running.isEmpty, let ready = waiting.map(\.ready).min() { now = max(now, ready) }
                step()
            }
        }

        private mutating func step() {
            let position = waiting.firstIndex { $0.ready <= now }
            let guest = running.count < world.preset.maxBatch ? position.map { waiting.remove(at: $0).request } : nil
            var load = StepTimeModel.Load(batch: running.count, contextTokens: 0)
            for (request, tokens) in running {
                load.contextTokens += Int(world.trace.requests[request].promptTokens) + tokens
            }
            if let guest {
                load.batch += 1
                load.prefillTokens = Int(world.trace.requests[guest].promptTokens)
            }
            let adapters = Set(
                (running.map(\.request) + [guest].compactMap { $0 }).map { world.trace.requests[$0].adapter }
            )
            load.rankSum = adapters.reduce(0) { $0 + ($1.map { world.trace.adapters[Int($0)].rank } ?? 0) }
            now += Int((world.preset.step.seconds(load) * 1e9).rounded(.up))
            for index in running.indices { running[index].tokens += 1 }
            if let guest { running.append((guest, 1)) }
            for (request, tokens) in running where tokens == world.trace.requests[request].outputTokens {
                finish[request] = now
            }
            running.removeAll { finish[$0.request] != nil }
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `runs of steps end when the steps would one by one`(seed: UInt64) throws {
        let trace = PaperWorkload(requests: 60, duration: 8, ranks: [8, 64], seed: seed).trace()
        var preset = SimulationPreset.a100
        preset.maxBatch = 6
        preset.blockCount = 100_000
        let world = SimulatedWorld(trace: trace, preset: preset)
        var naive = NaiveGPU(world: world)
        var seen: Set<Int32> = []
        for (number, request) in trace.requests.enumerated() {
            let bytes = request.adapter.map(world.adapterBytes) ?? 0
            let isNew = request.adapter.map { seen.insert($0).inserted } ?? false
            let load = preset.handover + (isNew ? Double(bytes) / preset.loadRate : 0)
            naive.waiting.append((number, request.arrival + Int(load * 1e9)))
        }
        naive.run()
        let finish = run(world)
        for (request, time) in naive.finish {
            let found = try #require(finish[Int32(request)])
            // Each step of the twin is rounded up to a nanosecond, each run of steps only once.
            #expect(abs(found - time) < 20_000, "request \(request): \(found) and \(time)")
        }
    }

    /// All requests on one runner, without a scheduler.
    private func run(_ world: SimulatedWorld) -> [Int32: Int] {
        var runner = SimulatedRunner(id: RunnerID(0))
        var finish: [Int32: Int] = [:]
        var next = 0
        var wake: Int?
        while finish.count < world.trace.requests.count {
            let arrival = next < world.trace.requests.count ? world.trace.requests[next].arrival : Int.max
            if let due = wake, due <= arrival {
                var events: [RunnerEvent] = []
                runner.finishRun(in: world, at: due, &events)
                for case .finished(let request) in events { finish[request] = due }
                wake = runner.plan(in: world, at: due).map { max($0, due) }
            } else {
                runner.enqueue(Int32(next), generated: 0, interrupted: nil, in: world, at: arrival)
                next += 1
                wake = runner.plan(in: world, at: arrival).map { max($0, arrival) }
            }
        }
        #expect(runner.load == 0)
        return finish
    }

    @Test func `a cancelled request keeps its whole steps and loses the one in flight`() throws {
        let request = TraceRequest(arrival: 0, adapter: nil, promptTokens: 100, outputTokens: 50, maxTokens: 100)
        var preset = SimulationPreset.a100
        preset.step = StepTimeModel(base: 0.1, perContextToken: 0, perPrefillToken: 0)
        preset.handover = 0
        let world = SimulatedWorld(trace: Trace(name: "", requests: [request], adapters: []), preset: preset)
        var runner = SimulatedRunner(id: RunnerID(0))
        runner.enqueue(0, generated: 0, interrupted: nil, in: world, at: 0)
        let first = runner.plan(in: world, at: 0)
        let prefilled = try #require(first)
        var events: [RunnerEvent] = []
        runner.finishRun(in: world, at: prefilled, &events)
        #expect(events == [.firstToken(0)])
        _ = runner.plan(in: world, at: prefilled)
        let gone = runner.cancel(0, in: world, at: 750_000_000)
        #expect(gone.generated == 7)
        #expect(gone.interrupted.map { abs($0 - 700_000_000) < 10 } ?? false)
        let next = runner.plan(in: world, at: 750_000_000)
        #expect(next.map { abs($0 - 800_000_000) < 10 } ?? false)
    }

    @Test func `without blocks for its next token the newest gives way and comes back`() throws {
        let requests = (0..<3).map {
            TraceRequest(arrival: $0, adapter: nil, promptTokens: 60, outputTokens: 100, maxTokens: 100)
        }
        var preset = SimulationPreset.a100
        preset.blockCount = 16
        let world = SimulatedWorld(trace: Trace(name: "", requests: requests, adapters: []), preset: preset)
        var settings = SimulationSettings(gpus: 1)
        settings.scales = false
        var simulator = try Simulator(world, settings)
        let outcome = simulator.run()
        #expect(outcome.requests == 3)
        #expect(!outcome.gaps.isEmpty && outcome.moves == 0)
    }
}
