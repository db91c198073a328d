import Backends
import Models
import Testing
import Weights

@testable import Doctor

@Suite struct TracedBackendTests {
    @Test func `what decode steps do at once is one operation, and two in other steps`() throws {
        let doctorCase = try #require(try DoctorCase.all().first { $0.name == "llama, heads of 40" })
        var runner = try Self.runner(doctorCase)
        var kinds: Set<Bool> = []
        for batch in doctorCase.steps(slots: []) {
            _ = try runner.logits(batch)
            let names = try runner.withDevice { try $0.takeTrace() }.map(\.name)
            let attention = names.filter { $0.hasPrefix("layer 1 ") && ["rotate", "attend"].contains(lastWord($0)) }
            let expected = batch.isDecode ? ["append and attend"] : ["rotate", "attend"]
            #expect(attention == expected.map { "layer 1 \($0)" })
            kinds.insert(batch.isDecode)
        }
        #expect(kinds == [true, false])
    }

    private func lastWord(_ name: String) -> String { name.split(separator: " ").last.map(String.init) ?? "" }

    private static func runner(_ doctorCase: DoctorCase) throws -> LlamaRunner<TracedBackend<CPUBackend>> {
        let limits = BatchLimits(tokens: 256, sequences: 16, pages: 16 * 12)
        let model = doctorCase.model
        return try LlamaRunner(
            Checkpoint.dummy(configuration: model, seed: 7, type: model.scalarType),
            model,
            RunnerSizes(limits: limits, blocks: DoctorCase.blocks, blockSize: DoctorCase.blockSize, positions: 512),
            on: TracedBackend(CPUBackend(limits: limits, vocabularySize: model.vocabularySize, threads: 2))
        )
    }
}
