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
        let found = try run(golden, chunk: 7)
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
        let whole = try run(golden, chunk: 80)
        for chunk in [3, 8, 31] {
            let cut = try run(golden, chunk: chunk)
            #expect(cut.last[2] == whole.last[2])
            #expect(cut.steps == whole.steps)
        }
    }

    private struct Outcome {
        /// Logits at the prompt's last three positions.
        var last: [[Float]] = []
        /// Logits after each of the first eight continuation tokens.
        var steps: [[Float]] = []
        var greedy: [TokenID] = []
    }

    /// Computes a case's prompt in chunks and eight decode steps, feeding the reference's continuation.
    private func run(_ golden: GoldenCase, chunk: Int) throws -> Outcome {
        let directory = GoldenModels.directory
        let configuration = try GoldenModels.configuration(of: golden.model)
        let checkpoint = try Checkpoint(directory: directory + "/" + golden.model)
        let limits = BatchLimits(tokens: 80, sequences: 3, pages: 64)
        let device = CPUBackend(limits: limits, vocabularySize: configuration.vocabularySize, threads: 2)
        var runner = try LlamaRunner(
            checkpoint,
            configuration,
            RunnerSizes(limits: limits, blocks: 40, blockSize: 4, positions: 128),
            on: device
        )
        var slot: AdapterSlot?
        if let adapter = golden.adapter {
            let loaded = try AdapterLoader(model: configuration, base: checkpoint).load(
                directory: directory + "/" + adapter
            )
            slot = runner.install(loaded, in: [])
        }
        var outcome = Outcome()
        let tokens = golden.prompt + golden.continuation.prefix(8)
        var start = 0
        while start < tokens.count {
            // Three rows of logits are wanted at the prompt's end, whatever the chunk size.
            let rest = golden.prompt.count - 3 - start
            let count = start >= golden.prompt.count ? 1 : rest > 0 ? min(chunk, rest) : 3
            let wanted = start >= golden.prompt.count ? 1 : rest > 0 ? 0 : 3
            let batch = makeBatch(tokens, start..<start + count, wanted: wanted, slot: slot)
            let logits = try runner.logits(batch)
            if wanted == 3 { outcome.last = logits }
            if wanted == 1 { outcome.steps += logits }
            if let row = logits.last { outcome.greedy.append(argmax(row)) }
            start += count
        }
        return outcome
    }

    private func makeBatch(
        _ tokens: [TokenID],
        _ range: Range<Int>,
        wanted: Int,
        slot: AdapterSlot?
    ) -> Batch {
        var batch = Batch()
        for position in range {
            batch.tokens.append(tokens[position])
            batch.positions.append(Int32(position))
            batch.kvPositions.append(Int32(Self.block(of: position) * 4 + position % 4))
        }
        for page in 0...(range.upperBound - 1) / 4 { batch.pageIndices.append(Int32(Self.block(of: page * 4))) }
        batch.closeSequence(slot: slot, wantsToken: false)
        batch.logitRows = (range.count - wanted..<range.count).map { Int32($0) }
        if let slot, wanted > 0 { batch.logitSegments = [Segment(start: 0, end: Int32(wanted), slot: slot)] }
        return batch
    }

    /// Blocks out of order, so that a page table that is not looked at shows.
    private static func block(of position: Int) -> Int { 39 - (position / 4 * 7) % 40 }

    private func argmax(_ row: [Float]) -> TokenID {
        var best = 0
        for index in row.indices where row[index] > row[best] { best = index }
        return TokenID(Int32(best))
    }
}
