import Cluster
import JSON
import Testing

@testable import Simulation

@Suite struct Simulators {
    private func experiment(
        gpus: Int = 6,
        requests: Int = 4000,
        duration: Double = 240,
        preset: SimulationPreset = .a100
    ) -> Experiment {
        var settings = SimulationSettings(gpus: gpus)
        settings.startup = 5
        settings.scaling.grace = .seconds(10)
        let trace = PaperWorkload(requests: requests, duration: duration, seed: 3).trace()
        return Experiment(trace: trace, preset: preset, settings: settings)
    }

    private func record(_ experiment: Experiment) throws -> [UInt8] {
        let variants = [try experiment.main()] + (try experiment.variants(.policies))
        return ExperimentRecord(experiment: experiment, variants: variants, workload: [:]).json.encodedBytes()
    }

    @Test func `the same seed gives the same bytes`() throws {
        #expect(try record(experiment()) == record(experiment()))
    }

    @Test func `every request ends, in no less time than it takes alone, and moves at most twice`() throws {
        let experiment = experiment()
        let outcome = try experiment.main().outcome
        #expect(outcome.requests == 4000 && outcome.latency.count == 4000)
        #expect(outcome.mostMoves <= 2 && outcome.moves > 0)
        let step = experiment.preset.step.base
        for (latency, request) in zip(outcome.latency, experiment.trace.requests) {
            #expect(latency >= step * Double(request.outputTokens))
        }
    }

    @Test func `consolidation gives GPUs back earlier`() throws {
        let experiment = experiment()
        let with = try experiment.main().outcome
        let without = try #require(try experiment.variants(.withoutConsolidation).first).outcome
        #expect(with.busyHours < without.busyHours)
        #expect(without.moves == 0)
    }

    @Test func `a GPU for each adapter costs more GPU-hours`() throws {
        let experiment = experiment()
        let shared = try experiment.main().outcome
        let dedicated = try #require(try experiment.variants(.dedicated).first).outcome
        #expect(dedicated.requests == shared.requests)
        #expect(dedicated.busyHours > shared.busyHours)
    }

    @Test func `where memory is short, requests are preempted or move, and all still end`() throws {
        var preset = SimulationPreset.a100
        preset.blockCount = 420
        let outcome = try experiment(preset: preset).main().outcome
        #expect(outcome.latency.count == 4000)
        #expect(!outcome.gaps.isEmpty)
        #expect(outcome.mostMoves <= 2)
    }

    @Test func `a request larger than a GPU is an error before the start`() {
        var preset = SimulationPreset.a100
        preset.blockCount = 40
        #expect(throws: SimulationError.self) { try experiment(preset: preset).main() }
    }

    @Test func `idle GPUs stay idle and busy ones are full`() throws {
        var experiment = experiment(gpus: 8, requests: 8000)
        experiment.settings.scales = false
        let outcome = try experiment.main().outcome
        let occupancy = outcome.occupancy(maxBatch: 32)
        #expect(occupancy.fullShare > 0.7, "\(occupancy)")
        #expect(outcome.samples.contains { $0.busy > 0 && $0.busy < 8 })
    }
}
