internal import Adapters
internal import Backends
internal import Core
internal import Foundation
internal import Models

/// Blocks of a benchmark's KV cache: those of its sequences, and behind them those of adapters.
struct StepBlocks {
    private var next: Int

    /// - Parameter sequences: blocks that sequences take.
    init(after sequences: Int) { next = sequences }

    /// The next `count` blocks.
    mutating func take(_ count: Int) -> [BlockID] {
        defer { next += count }
        return (next..<next + count).map { BlockID(Int32($0)) }
    }

    /// Brings an adapter into the next blocks and waits until it is there.
    mutating func install<Runner: ModelRunner & ~Copyable>(
        _ adapter: LoadedAdapter,
        on runner: inout Runner
    ) throws -> AdapterSlot {
        guard let slot = runner.install(adapter, in: take(runner.footprint(of: adapter).blocks)) else {
            throw BenchError.noSlot
        }
        while try !runner.hasLanded(slot) { usleep(100) }
        return slot
    }
}
