import Backends
import Core
import Models
import Sampling
import Synchronization
import Testing
import Weights

/// A model split over ranks computes what it computes whole.
@Suite struct TensorParallel {
    /// Cases whose key/value heads two ranks divide; adapters of every kind among them.
    static let cases = GoldenModels.cases.filter { golden in
        let configuration = try? GoldenModels.configuration(of: golden.model)
        return (try? configuration?.part(TensorShard(tpRank: 0, tpCount: 2))) != nil
    }

    @Test func `most references can be split, with adapters and biases`() throws {
        #expect(Self.cases.count >= 30)
        #expect(Self.cases.count { $0.adapter != nil } >= 15)
        #expect(Set(Self.cases.map(\.model)).contains { $0.hasPrefix("qwen2") })
    }

    @Test(arguments: cases)
    func `two ranks' logits equal the reference`(golden: GoldenCase) throws {
        let found = try GoldenRun(golden, chunk: 7, tpCount: 2)
        #expect(relativeError(found.last, try golden.reference(golden.last)) <= 1e-4)
        #expect(relativeError(found.steps, try golden.reference(golden.steps)) <= 1e-4)
        #expect(found.greedy == Array(golden.continuation.prefix(9)))
    }

    @Test func `two ranks' logits are those of one rank but for the order of sums`() throws {
        for golden in Self.cases where golden.adapter != nil {
            let (split, whole) = (try GoldenRun(golden, chunk: 5, tpCount: 2), try GoldenRun(golden, chunk: 5))
            #expect(relativeError(split.steps, whole.steps) <= 1e-5, "\(golden.id)")
        }
    }

    @Test func `an adapter that two ranks evicted and loaded again computes what it did before`() throws {
        for golden in Self.cases where golden.adapter != nil {
            let fresh = try GoldenRun(golden, chunk: 7, tpCount: 2)
            let again = try GoldenRun(golden, chunk: 7, tpCount: 2, evictions: 2)
            #expect(again.last == fresh.last && again.steps == fresh.steps, "\(golden.id)")
        }
    }

    @Test func `a bias behind a sum is added by the first rank alone`() throws {
        let checkpoint = try Checkpoint(directory: GoldenModels.directory + "/llama-yarn")
        let name = "model.layers.0.self_attn.o_proj.bias"
        let whole = try checkpoint.tensor(named: name)
        let parts = try (0..<2).map { rank in
            try checkpoint.part(TensorShard(tpRank: rank, tpCount: 2)).tensor(named: name)
        }
        #expect(whole.bytes.contains { $0 != 0 })
        #expect(parts[0].bytes.elementsEqual(whole.bytes))
        #expect(parts[1].shape == whole.shape && parts[1].bytes.allSatisfy { $0 == 0 })
    }

    @Test func `ranks that do not divide a model are refused by name`() throws {
        let configuration = try GoldenModels.configuration(of: "llama2")
        let shard = TensorShard(tpRank: 0, tpCount: 3)
        #expect {
            try configuration.part(shard)
        } throws: { error in
            "\(error)".contains("num_key_value_heads") && "\(error)".contains("3 ranks")
        }
    }

    /// Ranks that are reachable through what `make` made, and nothing else.
    private final class RankSource: Sendable {
        private let ranks = Mutex<HostRanks?>(HostRanks(count: 2))

        var value: HostRanks? { ranks.withLock { $0 } }
        func clear() { ranks.withLock { $0 = nil } }
    }

    private func make(
        _ source: RankSource,
        failing: Int? = nil
    ) throws -> @Sendable (TensorShard) throws -> LlamaRunner<BreakingBackend> {
        let make = try make(source, breaking: nil, by: BreakingBackend.Switch())
        return { shard in
            if shard.tpRank == failing { throw BackendError("no device \(shard.tpRank)") }
            return try make(shard)
        }
    }

    /// - Parameters:
    ///   - breaking: the rank that `breaker` breaks.
    ///   - end: of the first rank's steps; nil for at once.
    private func make(
        _ source: RankSource,
        breaking: Int?,
        by breaker: BreakingBackend.Switch,
        end: BreakingBackend.End? = nil
    ) throws -> @Sendable (TensorShard) throws -> LlamaRunner<BreakingBackend> {
        let model = try #require(Self.cases.first).model
        let configuration = try GoldenModels.configuration(of: model)
        let checkpoint = try Checkpoint(directory: GoldenModels.directory + "/" + model)
        return { shard in
            let limits = BatchLimits(tokens: 8, sequences: 1, pages: 8)
            let device = CPUBackend(
                limits: limits,
                vocabularySize: configuration.vocabularySize,
                threads: 1,
                ranks: source.value?.member(shard.tpRank)
            )
            return try LlamaRunner(
                checkpoint,
                configuration,
                RunnerSizes(limits: limits, blocks: 8, blockSize: 4, positions: 32),
                shard: shard,
                on: BreakingBackend(
                    device,
                    broken: shard.tpRank == breaking ? breaker : nil,
                    end: shard.tpRank == 0 ? end : nil
                )
            )
        }
    }

    @Test(arguments: [(0, "broken"), (1, "another rank failed: broken")])
    func `a rank that breaks fails its step, and nothing more is asked of any`(rank: Int, reason: String) throws {
        let breaker = BreakingBackend.Switch()
        var runner = try TensorParallelRunner(tpCount: 2, make: try make(RankSource(), breaking: rank, by: breaker))
        let batch = oneRow
        var outputs: [SampledToken?] = []
        try runner.run(batch, [], into: &outputs)
        breaker.isOn.store(true, ordering: .relaxed)
        for _ in 0..<2 {
            var failure: BackendError?
            do throws(BackendError) { try runner.begin(batch, []) } catch { failure = error }
            #expect(failure == BackendError(reason))
            // What failed once stays so, whatever it says later.
            breaker.isOn.store(false, ordering: .relaxed)
        }
    }

    @Test func `a step that does not end because another rank broke fails`() throws {
        let (breaker, end) = (BreakingBackend.Switch(), BreakingBackend.End())
        let make = try make(RankSource(), breaking: 1, by: breaker, end: end)
        var runner = try TensorParallelRunner(tpCount: 2, make: make)
        end.set(to: .now + .seconds(30))
        try runner.begin(oneRow, [])
        breaker.isOn.store(true, ordering: .relaxed)
        var outputs: [SampledToken?] = []
        var failure: BackendError?
        do throws(BackendError) { try runner.finish(into: &outputs) } catch { failure = error }
        #expect(failure == BackendError("another rank failed: broken"))
    }

    @Test func `a step that takes long on healthy ranks is waited for`() throws {
        let (other, end) = (BreakingBackend.Switch(), BreakingBackend.End())
        let make = try make(RankSource(), breaking: 1, by: other, end: end)
        var runner = try TensorParallelRunner(tpCount: 2, make: make)
        try runner.begin(oneRow, [])
        let questions = other.questions.load(ordering: .relaxed)
        end.set(to: .now + .milliseconds(350))
        var outputs: [SampledToken?] = []
        try runner.finish(into: &outputs)
        #expect(end.isPast)
        #expect(other.questions.load(ordering: .relaxed) > questions)
    }

    /// A sequence's first token, of which no other is wanted.
    private var oneRow: Batch {
        var batch = Batch()
        batch.tokens.append(TokenID(1))
        batch.positions.append(0)
        batch.kvPositions.append(0)
        batch.pageIndices.append(0)
        batch.closeSequence(slot: nil, wantsToken: false)
        return batch
    }

    @Test func `no rank is left when a runner is gone`() throws {
        let source = RankSource()
        weak var ranks: HostRanks?
        ranks = source.value
        func makeAndDrop() throws -> Bool {
            let runner = try TensorParallelRunner(tpCount: 2, make: try make(source))
            source.clear()
            let wereThere = ranks != nil
            return runner.vocabularySize > 0 && wereThere
        }
        let wereThere = try makeAndDrop()
        #expect(wereThere)
        let areGone = ranks == nil
        #expect(areGone)
    }

    @Test func `no rank is left when the first cannot be made`() throws {
        let source = RankSource()
        weak var ranks: HostRanks?
        ranks = source.value
        let makeRank = try make(source, failing: 0)
        #expect(throws: BackendError("no device 0")) { _ = try TensorParallelRunner(tpCount: 2, make: makeRank) }
        source.clear()
        let areGone = ranks == nil
        #expect(areGone)
    }

    @Test func `a rank that cannot be made fails the whole`() {
        #expect(throws: BackendError.self) {
            _ = try TensorParallelRunner<CPUBackend>(tpCount: 2) { shard in
                throw BackendError("no device \(shard.tpRank)")
            }
        }
    }
}
