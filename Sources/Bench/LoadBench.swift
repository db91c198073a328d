internal import Adapters
package import ArgumentParser
internal import Backends
internal import Core
internal import Foundation
internal import JSON
internal import Models
internal import Weights

/// `bench load`: what it takes to bring an adapter from pinned memory onto the device, alone and beside decode steps.
package struct LoadBench: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Time to bring an adapter from pinned host memory onto the device, alone and beside decode steps."
    )

    @OptionGroup var device: BenchDevice
    @OptionGroup var report: ReportOptions
    @Option(help: "A shape by name (\(BenchShapes.names.joined(separator: ", "))) or a directory with config.json.")
    var model = "llama-2-7b"
    @Option(help: "Sequences that decode meanwhile, each with an adapter of its own.") var batch = 32
    @Option(help: "Adapters loaded in turn.") var adapters = 4
    @Option(help: "Tokens of each sequence before the first measured step.") var context = 512
    @Option(help: "Measured steps without a load, and as many beside a load each, in turns.") var steps = 100
    @Option(help: "Rank of the made-up adapters, on all projections; 1 ... 512.") var rank = 16
    @Option(help: "Bytes a second from host to device at best, for the floor; in GB/s.") var bandwidth = 55.0

    /// Turns before the first measured one.
    static let warmUpTurns = 8

    package init() {}

    package func validate() throws {
        let numbers = [("batch", batch), ("adapters", adapters), ("context", context), ("steps", steps)]
        for (name, value) in numbers where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        guard (1...512).contains(rank) else { throw ValidationError("--rank is \(rank), but must be 1 ... 512") }
    }

    package func run() throws {
        let shape = try BenchShapes.shape(model)
        let blockSize = 16
        let turns = Self.warmUpTurns + steps
        let blocks = batch * ((context + turns + 2 * blockSize) / blockSize)
        let loaded = device.adapterBlocks(shape, rank: rank, count: batch + adapters, blockSize: blockSize)
        let output = BenchOutput(report)
        try device.withRunner(
            shape,
            sizes: .init(
                sequences: batch,
                tokens: max(2048, batch),
                blocks: blocks + loaded,
                blockSize: blockSize,
                positions: context + turns + blockSize
            ),
            LoadMeasurement(bench: self, output: output, shape: shape, blockSize: blockSize, sequenceBlocks: blocks)
        )
        try output.finish()
    }
}

/// The measurement itself, on whatever runner the device gives.
private struct LoadMeasurement: RunnerBody {
    let bench: LoadBench
    let output: BenchOutput
    let shape: ModelConfiguration
    let blockSize: Int
    let sequenceBlocks: Int

    func run<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws {
        let made = try DummyAdapters.make(shape, rank: bench.rank, count: bench.batch + bench.adapters)
        var blocks = StepBlocks(after: sequenceBlocks)
        let slots = try made.prefix(bench.batch).map { try blocks.install($0, on: &runner) }
        let guests = made.suffix(bench.adapters).map {
            Guest(adapter: $0, blocks: blocks.take(runner.footprint(of: $0).blocks))
        }
        // The first time an adapter comes it is written into pinned memory; that is not measured.
        for guest in guests { runner.remove(try load(guest, on: &runner).slot) }
        var alone: [Double] = []
        for round in 0..<max(20, bench.adapters) {
            let loaded = try load(guests[round % guests.count], on: &runner)
            alone.append(loaded.milliseconds)
            runner.remove(loaded.slot)
        }
        record(alone, what: "resident", floor: adapterBytes / (bench.bandwidth * 1e6))
        try measureSteps(slots, guests, on: &runner)
    }

    /// An adapter that is loaded, and where.
    private struct Guest {
        let adapter: LoadedAdapter
        let blocks: [BlockID]
    }

    private var adapterBytes: Double { DecodeBytes.adapter(shape, rank: bench.rank) }

    private func load<Runner: ModelRunner & ~Copyable>(
        _ guest: Guest,
        on runner: inout Runner
    ) throws -> (slot: AdapterSlot, milliseconds: Double) {
        let start = ContinuousClock.now
        guard let slot = runner.install(guest.adapter, in: guest.blocks) else { throw BenchError.noSlot }
        while try !runner.hasLanded(slot) { usleep(10) }
        return (slot, (ContinuousClock.now - start) / .milliseconds(1))
    }

    private func measureSteps<Runner: ModelRunner & ~Copyable>(
        _ slots: [AdapterSlot],
        _ guests: [Guest],
        on runner: inout Runner
    ) throws {
        let turns = LoadBench.warmUpTurns + bench.steps
        var workload = DecodeWorkload(
            slots: slots,
            context: bench.context,
            steps: turns,
            blockSize: blockSize,
            vocabularySize: shape.vocabularySize
        )
        try workload.prefill(on: &runner, budget: 2048)
        var (quiet, loading): ([Double], [Double]) = ([], [])
        // Each token is computed twice, so that both kinds of steps see the same contexts.
        for turn in 0..<turns {
            let start = ContinuousClock.now
            try workload.decode(step: turn, on: &runner)
            quiet.append((ContinuousClock.now - start) / .milliseconds(1))
            loading.append(
                try timeLoading(guests[turn % guests.count], on: &runner) { (runner: inout Runner) in
                    try workload.decode(step: turn, on: &runner)
                }
            )
        }
        record(Array(quiet.dropFirst(LoadBench.warmUpTurns)), what: "step")
        record(Array(loading.dropFirst(LoadBench.warmUpTurns)), what: "step while loading", loads: bench.steps)
    }

    /// Times a step that a load begins with, and leaves no load under way.
    private func timeLoading<Runner: ModelRunner & ~Copyable>(
        _ guest: Guest,
        on runner: inout Runner,
        step: (inout Runner) throws -> Void
    ) throws -> Double {
        let start = ContinuousClock.now
        guard let slot = runner.install(guest.adapter, in: guest.blocks) else { throw BenchError.noSlot }
        try step(&runner)
        // As the engine does, once between two steps.
        var hasLanded = try runner.hasLanded(slot)
        let duration = ContinuousClock.now - start
        while !hasLanded {
            usleep(10)
            hasLanded = try runner.hasLanded(slot)
        }
        runner.remove(slot)
        return duration / .milliseconds(1)
    }

    private func record(_ times: [Double], what: String, floor: Double? = nil, loads: Int? = nil) {
        var line = BenchRecord(bench: "load", backend: bench.device.backend.rawValue)
        line["model"] = .string(bench.model)
        line["batch"] = .integer(bench.batch)
        line["popularity"] = .string("distinct")
        line["rank"] = .integer(bench.rank)
        line["measured"] = .string(what)
        line["bytes"] = .integer(Int(adapterBytes))
        if let loads { line["loads"] = .integer(loads) }
        line.add(times, unit: "ms", floor: floor)
        line["p99"] = .number(percentile(times, 0.99))
        output.print(line)
    }
}
