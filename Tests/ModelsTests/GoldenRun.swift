import Adapters
import Backends
import Core
import Models
import Testing
import Weights

/// A case's prompt computed in chunks, and eight decode steps that are fed the reference's continuation.
struct GoldenRun {
    /// Logits at the prompt's last three positions.
    private(set) var last: [[Float]] = []
    /// Logits after each of the first eight continuation tokens.
    private(set) var steps: [[Float]] = []
    private(set) var greedy: [TokenID] = []

    /// - Parameters:
    ///   - tpCount: ranks, each a thread of this process.
    ///   - evictions: how often the adapter is used, taken off the ranks and followed by a stranger in its slot before
    ///     the run that counts.
    init(_ golden: GoldenCase, chunk: Int, tpCount: Int = 1, evictions: Int = 0) throws {
        let directory = GoldenModels.directory
        let configuration = try GoldenModels.configuration(of: golden.model)
        let checkpoint = try Checkpoint(directory: directory + "/" + golden.model)
        let limits = BatchLimits(tokens: 80, sequences: 3, pages: 64)
        let ranks = tpCount == 1 ? nil : HostRanks(count: tpCount)
        let makeRank: @Sendable (TensorShard) throws -> LlamaRunner<CPUBackend> = { shard in
            try LlamaRunner(
                checkpoint,
                configuration,
                RunnerSizes(limits: limits, blocks: 40, blockSize: 4, positions: 128),
                shard: shard,
                on: CPUBackend(
                    limits: limits,
                    vocabularySize: configuration.vocabularySize,
                    threads: 2,
                    ranks: ranks?.member(shard.tpRank)
                )
            )
        }
        let adapter = try golden.adapter.map {
            try AdapterLoader(model: configuration, base: checkpoint).load(directory: directory + "/" + $0)
        }
        if tpCount == 1 {
            var runner = try makeRank(.whole)
            let slot = adapter.flatMap { runner.install($0, in: []) }
            try run(golden, chunk: chunk, slot: slot) { try runner.logits($0) }
        } else {
            var runner = try TensorParallelRunner(tpCount: tpCount, make: makeRank)
            let stranger = try LoadedAdapter.dummy(model: configuration, rank: 5, seed: 3)
            for resident in Array(repeating: [adapter, stranger], count: evictions).joined() {
                guard let slot = resident.flatMap({ runner.install($0, in: []) }) else { continue }
                try run(golden, chunk: chunk, slot: slot) { try runner.logits($0) }
                runner.remove(slot)
                self = GoldenRun()
            }
            let slot = adapter.flatMap { runner.install($0, in: []) }
            try run(golden, chunk: chunk, slot: slot) { try runner.logits($0) }
        }
    }

    private init() {}

    private mutating func run(
        _ golden: GoldenCase,
        chunk: Int,
        slot: AdapterSlot?,
        logits: (Batch) throws -> [[Float]]
    ) throws {
        let tokens = golden.prompt + golden.continuation.prefix(8)
        var start = 0
        while start < tokens.count {
            // Three rows of logits are wanted at the prompt's end, whatever the chunk size.
            let rest = golden.prompt.count - 3 - start
            let count = start >= golden.prompt.count ? 1 : rest > 0 ? min(chunk, rest) : 3
            let wanted = start >= golden.prompt.count ? 1 : rest > 0 ? 0 : 3
            let rows = try logits(makeBatch(tokens, start..<start + count, wanted: wanted, slot: slot))
            if wanted == 3 { last = rows }
            if wanted == 1 { steps += rows }
            if let row = rows.last { greedy.append(argmax(row)) }
            start += count
        }
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
