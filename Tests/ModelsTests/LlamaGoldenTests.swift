import Adapters
import Backends
import Core
import Models
import Testing
import Weights

/// Logits against transformers and PEFT, for every architecture, scalar type and kind of adapter.
@Suite struct LlamaGoldens {
    @Test func `the reference files are there and cover what is claimed`() {
        let cases = GoldenModels.cases
        #expect(cases.count >= 40)
        #expect(Set(cases.map(\.type)) == ["float32", "float16", "bfloat16"])
        #expect(cases.count { $0.adapter == nil } >= 10)
    }

    @Test(arguments: GoldenModels.cases)
    func `logits equal the reference`(golden: GoldenCase) throws {
        let found = try GoldenRun(golden, chunk: 7)
        #expect(relativeError(found.last, try golden.reference(golden.last)) <= 1e-4)
        #expect(relativeError(found.steps, try golden.reference(golden.steps)) <= 1e-4)
        #expect(found.greedy == Array(golden.continuation.prefix(9)))
        guard let ownLast = golden.ownLast, let ownSteps = golden.ownSteps else { return }
        #expect(relativeError(found.last, try golden.reference(ownLast)) <= 1e-2)
        #expect(relativeError(found.steps, try golden.reference(ownSteps)) <= 1e-2)
    }

    @Test(arguments: ["llama2", "mistral", "qwen3-bf16"])
    func `how a prompt is cut into chunks changes no bit`(model: String) throws {
        let cases = GoldenModels.cases.filter { $0.model == model && $0.adapter != nil }
        let golden = try #require(cases.max { $0.prompt.count < $1.prompt.count })
        let whole = try GoldenRun(golden, chunk: 80)
        for chunk in [3, 8, 31] {
            let cut = try GoldenRun(golden, chunk: chunk)
            #expect(cut.last[2] == whole.last[2])
            #expect(cut.steps == whole.steps)
        }
    }
}
