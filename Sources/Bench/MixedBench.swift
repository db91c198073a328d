package import ArgumentParser
internal import Backends
internal import Core
internal import Foundation
internal import JSON
internal import Models
internal import Weights

/// `bench mixed`: what a prefill adds to the decode step that it rides along with.
package struct MixedBench: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "mixed",
        abstract: "Time that a prefill adds to the decode step it rides along with, against its own arithmetic."
    )

    @OptionGroup var device: BenchDevice
    @OptionGroup var report: ReportOptions
    @Option(help: "A shape by name (\(BenchShapes.names.joined(separator: ", "))) or a directory with config.json.")
    var model = "llama-2-7b"
    @Option(help: "Sequences that decode.") var batch = 32
    @Option(help: "Prompt tokens that ride along.") var tokens = 512
    @Option(help: "Tokens of each decoding sequence before the first measured step.") var context = 512
    @Option(help: "Measured steps of each kind.") var steps = 40
    @Option(help: "Rank of the made-up adapters, on all projections; 1 ... 512.") var rank = 16
    @Option(parsing: .upToNextOption, help: "base, identical, distinct.")
    var popularity: [StepPopularity] = StepPopularity.allCases
    @Option(help: "Operations a second that the device's dense products reach at best, for the floor; in TFLOP/s.")
    var arithmetic = 734.0

    package init() {}

    package func validate() throws {
        let numbers = [("batch", batch), ("tokens", tokens), ("context", context), ("steps", steps)]
        for (name, value) in numbers where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        guard (1...512).contains(rank) else { throw ValidationError("--rank is \(rank), but must be 1 ... 512") }
    }

    package func run() throws {
        let shape = try BenchShapes.shape(model)
        let blockSize = 16
        let guest = (tokens + blockSize - 1) / blockSize
        let blocks = batch * ((context + 2 * steps + 2 * blockSize) / blockSize) + guest
        let loaded = device.adapterBlocks(shape, rank: rank, count: batch + 1, blockSize: blockSize)
        let output = BenchOutput(report)
        try device.withRunner(
            shape,
            sizes: .init(
                sequences: batch + 1,
                tokens: max(2048, batch + tokens),
                blocks: blocks + loaded,
                blockSize: blockSize,
                positions: max(context + 2 * steps, tokens) + blockSize
            ),
            MixedMeasurement(bench: self, output: output, shape: shape, blockSize: blockSize, sequenceBlocks: blocks)
        )
        try output.finish()
    }
}

/// The measurement itself, on whatever runner the device gives.
private struct MixedMeasurement: RunnerBody {
    let bench: MixedBench
    let output: BenchOutput
    let shape: ModelConfiguration
    let blockSize: Int
    let sequenceBlocks: Int

    func run<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws {
        let count = bench.popularity == [.base] ? 0 : bench.popularity.contains(.distinct) ? bench.batch + 1 : 1
        var blocks = StepBlocks(after: sequenceBlocks)
        let made = try DummyAdapters.make(shape, rank: bench.rank, count: count)
        let slots = try made.map { try blocks.install($0, on: &runner) }
        for popularity in bench.popularity {
            let assigned = (0...bench.batch).map { popularity.adapter(of: $0).map { slots[$0] } }
            try measure(assigned, popularity, on: &runner)
        }
    }

    private func measure<Runner: ModelRunner & ~Copyable>(
        _ slots: [AdapterSlot?],
        _ popularity: StepPopularity,
        on runner: inout Runner
    ) throws {
        var workload = DecodeWorkload(
            slots: Array(slots.dropLast()),
            context: bench.context,
            steps: 2 * bench.steps,
            blockSize: blockSize,
            vocabularySize: shape.vocabularySize
        )
        try workload.prefill(on: &runner, budget: 2048)
        var (alone, mixed): ([Double], [Double]) = ([], [])
        // In turn, so that both kinds see the same clocks and contexts.
        for step in 0..<2 * bench.steps {
            let rides = step % 2 == 1
            let start = ContinuousClock.now
            try workload.decode(
                step: step,
                besides: rides ? .init(tokens: bench.tokens, slot: slots[bench.batch]) : nil,
                on: &runner
            )
            let time = (ContinuousClock.now - start) / .milliseconds(1)
            if rides { mixed.append(time) } else { alone.append(time) }
        }
        record(alone: Array(alone.dropFirst(4)), mixed: Array(mixed.dropFirst(4)), popularity)
    }

    private func record(alone: [Double], mixed: [Double], _ popularity: StepPopularity) {
        var line = BenchRecord(bench: "mixed", backend: bench.device.backend.rawValue)
        line["model"] = .string(bench.model)
        line["batch"] = .integer(bench.batch)
        line["tokens"] = .integer(bench.tokens)
        line["context"] = .integer(bench.context + bench.steps)
        line["popularity"] = .string(popularity.rawValue)
        line["rank"] = .integer(bench.rank)
        let middle = median(alone)
        line["step"] = .number(middle)
        line.add(mixed.map { $0 - middle }, unit: "ms added", floor: floor)
        output.print(line)
    }

    /// Milliseconds of the prompt's own dense products and attention at the device's best rate.
    private var floor: Double {
        let tokens = Double(bench.tokens)
        // Each token attends to half of the prompt on average, in two products.
        let attention = 2 * 2 * tokens * tokens / 2 * Double(shape.layerCount * shape.headCount * shape.headSize)
        let head = 2 * Double(shape.vocabularySize * shape.hiddenSize)
        let layers = (DecodeBytes.weights(shape) - head) / 2
        return (2 * layers * tokens + attention) / (bench.arithmetic * 1e9)
    }
}
