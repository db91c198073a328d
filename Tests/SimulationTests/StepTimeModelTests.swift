import Foundation
import Testing

@testable import Simulation

@Suite struct StepTimeModels {
    @Test func `a fit finds the model that made the measurements`() throws {
        let model = StepTimeModel(
            base: 5e-3,
            perContextToken: 2e-7,
            perPrefillToken: 0,
            anyAdapter: 1e-3,
            perAdapter: 2e-5
        )
        var samples: [StepTimeModel.Measurement] = []
        for batch in [1, 8, 32] {
            for adapters in Set([0, 1, batch]) {
                let load = StepTimeModel.Load(batch: batch, contextTokens: batch * 500, rankSum: adapters * 16)
                samples.append(.init(load: load, seconds: model.seconds(load)))
            }
        }
        let fitted = try StepTimeModel.fitting(samples)
        #expect(abs(fitted.base - model.base) < 1e-9)
        #expect(abs(fitted.perContextToken - model.perContextToken) < 1e-13)
        #expect(abs(fitted.anyAdapter - model.anyAdapter) < 1e-9)
        #expect(abs(fitted.perAdapter - model.perAdapter) < 1e-11)
    }

    @Test func `measurements that do not determine the model are refused`() {
        let load = StepTimeModel.Load(batch: 1, contextTokens: 500)
        #expect(throws: SimulationError.self) { try StepTimeModel.fitting([.init(load: load, seconds: 1)]) }
    }

    @Test func `the h100 preset is the fit of the committed records`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Benchmarks/records/h100"
        )
        let files = ["decode.jsonl", "mixed.jsonl"].map { folder.appending(path: $0).path }
        let fitted = try StepTimeModel.fitting(files: files, model: "llama-2-7b")
        let preset = SimulationPreset.h100.step
        for (field, name) in [
            (\StepTimeModel.base, "base"), (\.perContextToken, "context"), (\.perPrefillToken, "prefill"),
            (\.anyAdapter, "any adapter"), (\.perAdapter, "adapter"),
        ] {
            let (found, said) = (fitted[keyPath: field], preset[keyPath: field])
            #expect(abs(found / said - 1) < 0.05, "\(name): fitted \(found), preset \(said)")
        }
    }

    @Test func `the a100 preset gives the paper's tokens a second on one GPU`() throws {
        var trace = PaperWorkload(requests: 1000, duration: 1, popularity: .skewed).trace()
        for number in trace.requests.indices { trace.requests[number].arrival = 0 }
        var settings = SimulationSettings(gpus: 1)
        settings.scales = false
        var simulator = try Simulator(SimulatedWorld(trace: trace, preset: .a100), settings)
        let outcome = simulator.run()
        let rate = Double(outcome.outputTokens) / outcome.seconds
        #expect(abs(rate / 1044 - 1) < 0.05, "\(rate) tokens a second")
    }
}
