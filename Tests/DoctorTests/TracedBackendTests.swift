import Backends
import Models
import Testing
import Weights

@testable import Doctor

@Suite struct TracedBackendTests {
    @Test func `rotation, append and attention are one operation in every kind of step`() throws {
        let doctorCase = try #require(try DoctorCase.all().first { $0.name == "llama, heads of 40" })
        var runner = try Self.runner(doctorCase)
        var kinds: Set<Bool> = []
        for batch in doctorCase.steps(slots: []) {
            _ = try runner.logits(batch)
            let names = try runner.withDevice { try $0.takeTrace() }.map(\.name)
            let attention = names.filter { $0.hasPrefix("layer 1 ") && ["rotate", "attend"].contains(lastWord($0)) }
            #expect(attention == ["layer 1 append and attend"])
            kinds.insert(batch.isDecode)
        }
        #expect(kinds == [true, false])
    }

    @Test func `what a product adds to the residual stream is noted alone, whether it is added at once or later`()
        throws
    {
        let doctorCase = try #require(try DoctorCase.all().first { $0.name == "llama, heads of 40" })
        var later = try Self.runner(doctorCase) { $0 }
        var atOnce = try Self.runner(doctorCase) { AddingBackend($0) }
        for batch in doctorCase.steps(slots: []).prefix(4) {
            let expected = try later.logits(batch)
            #expect(try atOnce.logits(batch) == expected)
            let traces = (
                try later.withDevice { try $0.takeTrace() }, try atOnce.withDevice { try $0.takeTrace() }
            )
            #expect(traces.0.map(\.name) == traces.1.map(\.name))
            for layer in 0..<doctorCase.model.layerCount {
                for group in ["output", "down"] {
                    let name = "layer \(layer) \(group)"
                    let changes = try #require(traces.0.first { $0.name == name }).values
                    let same = try #require(traces.1.first { $0.name == name }).values
                    #expect(changes.count == batch.tokenCount * doctorCase.model.hiddenSize)
                    #expect(relativeError(same, changes) < 1e-5)
                }
            }
        }
    }

    private func lastWord(_ name: String) -> String { name.split(separator: " ").last.map(String.init) ?? "" }

    private static func runner(_ doctorCase: DoctorCase) throws -> LlamaRunner<TracedBackend<CPUBackend>> {
        try runner(doctorCase) { $0 }
    }

    private static func runner<Device: InspectableBackend & ~Copyable>(
        _ doctorCase: DoctorCase,
        _ make: (consuming CPUBackend) -> Device
    ) throws -> LlamaRunner<TracedBackend<Device>> {
        let limits = doctorCase.limits
        let model = doctorCase.model
        return try LlamaRunner(
            Checkpoint.dummy(configuration: model, seed: 7, type: model.scalarType),
            model,
            RunnerSizes(limits: limits, blocks: DoctorCase.blocks, blockSize: DoctorCase.blockSize, positions: 512),
            on: TracedBackend(
                make(CPUBackend(limits: limits, vocabularySize: model.vocabularySize, threads: 2))
            )
        )
    }
}
