internal import Adapters
package import ArgumentParser
internal import Backends
internal import Core
internal import Foundation
internal import JSON
internal import Models
internal import Weights

/// `bench decode`: the time of one decode step by batch and popularity, with the floor that memory sets beside it.
package struct DecodeBench: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Time of a decode step by batch and popularity, as steps follow each other."
    )

    @OptionGroup var device: BenchDevice
    @OptionGroup var report: ReportOptions
    @Option(help: "A shape by name (\(BenchShapes.names.joined(separator: ", "))) or a directory with config.json.")
    var model = "llama-2-7b"
    @Option(parsing: .upToNextOption, help: "Sequences that decode at once.") var batch = [1, 8, 32, 64]
    @Option(help: "Tokens of each sequence before the first measured step.") var context = 512
    @Option(help: "Measured steps; each lengthens every sequence by a token.") var steps = 128
    @Option(help: "Rank of the made-up adapters, on all projections; 1 ... 512.") var rank = 16
    @Option(parsing: .upToNextOption, help: "base, identical, distinct.")
    var popularity: [StepPopularity] = StepPopularity.allCases
    @Option(help: "Bytes a second that the device reads at best, for the floor; in TB/s.") var bandwidth = 3.08

    package init() {}

    package func validate() throws {
        for (name, value) in [("context", context), ("steps", steps)] + batch.map({ ("batch", $0) }) where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        guard (1...512).contains(rank) else { throw ValidationError("--rank is \(rank), but must be 1 ... 512") }
    }

    package func run() throws {
        let shape = try BenchShapes.shape(model)
        let largest = batch.max() ?? 1
        let blockSize = 16
        let blocks = largest * ((context + steps + 2 * blockSize) / blockSize)
        let output = BenchOutput(report)
        try device.withRunner(
            shape,
            sizes: .init(
                sequences: largest,
                tokens: max(2048, largest),
                blocks: blocks + device.adapterBlocks(shape, rank: rank, count: largest, blockSize: blockSize),
                blockSize: blockSize,
                positions: context + steps + blockSize
            ),
            DecodeMeasurement(
                bench: self,
                output: output,
                shape: shape,
                blockSize: blockSize,
                firstAdapterBlock: blocks
            )
        )
        try output.finish()
    }
}

/// Which adapters the sequences of a step use.
enum StepPopularity: String, CaseIterable, Sendable, ExpressibleByArgument {
    case base, identical, distinct

    func adapter(of sequence: Int) -> Int? {
        switch self {
        case .base: nil
        case .identical: 0
        case .distinct: sequence
        }
    }
}

/// The measurement itself, on whatever runner the device gives.
struct DecodeMeasurement: RunnerBody {
    let bench: DecodeBench
    let output: BenchOutput
    let shape: ModelConfiguration
    let blockSize: Int
    let firstAdapterBlock: Int

    func run<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws {
        let wanted = bench.popularity.contains(.distinct) ? bench.batch.max() ?? 1 : 1
        let count = bench.popularity == [.base] ? 0 : wanted
        var blocks = StepBlocks(after: firstAdapterBlock)
        let made = try DummyAdapters.make(shape, rank: bench.rank, count: count)
        let slots = try made.map { try blocks.install($0, on: &runner) }
        for batch in bench.batch {
            for popularity in bench.popularity {
                let assigned = (0..<batch).map { popularity.adapter(of: $0).map { slots[$0] } }
                let times = try measure(assigned, on: &runner)
                record(times, batch: batch, popularity: popularity)
            }
        }
    }

    /// - Returns: milliseconds of each measured step.
    private func measure<Runner: ModelRunner & ~Copyable>(
        _ slots: [AdapterSlot?],
        on runner: inout Runner
    ) throws -> [Double] {
        var workload = DecodeWorkload(
            slots: slots,
            context: bench.context,
            steps: bench.steps,
            blockSize: blockSize,
            vocabularySize: shape.vocabularySize
        )
        try workload.prefill(on: &runner, budget: 2048)
        let times = try workload.decode(steps: bench.steps, on: &runner)
        return Array(times.dropFirst(min(8, bench.steps / 2)))
    }

    private func record(_ times: [Double], batch: Int, popularity: StepPopularity) {
        var line = BenchRecord(bench: "decode", backend: bench.device.backend.rawValue)
        line["model"] = .string(bench.model)
        line["batch"] = .integer(batch)
        line["context"] = .integer(bench.context + bench.steps / 2)
        line["popularity"] = .string(popularity.rawValue)
        line["rank"] = .integer(bench.rank)
        line["tensor_parallel"] = .integer(bench.device.tensorParallel)
        line.add(times, unit: "ms", floor: floor(batch: batch, popularity: popularity))
        output.print(line)
    }

    /// Milliseconds to read what a step must read: weights, keys and values, adapters (bytes over bandwidth).
    private func floor(batch: Int, popularity: StepPopularity) -> Double {
        let adapters = popularity == .base ? 0 : popularity == .identical ? 1 : batch
        let bytes =
            DecodeBytes.weights(shape)
            + Double(batch) * Double(bench.context + bench.steps / 2) * DecodeBytes.cache(shape)
            + Double(adapters) * DecodeBytes.adapter(shape, rank: bench.rank)
        return bytes / (bench.bandwidth * 1e9 * Double(bench.device.tensorParallel))
    }
}

/// Bytes that a decode step must read, for 16-bit weights (docs/performance.md).
enum DecodeBytes {
    /// All dense weights once; of the embedding table only the rows asked for, which do not count.
    static func weights(_ shape: ModelConfiguration) -> Double {
        let linear = Projection.allCases.reduce(0) { sum, projection in
            let (outputs, inputs) = shape.projectionShape(projection)
            return sum + outputs * inputs
        }
        return 2 * Double(shape.layerCount * linear + shape.vocabularySize * shape.hiddenSize)
    }

    /// For each token of context.
    static func cache(_ shape: ModelConfiguration) -> Double {
        2 * 2 * Double(shape.layerCount * shape.keyValueHeadCount * shape.headSize)
    }

    static func adapter(_ shape: ModelConfiguration, rank: Int) -> Double {
        adapterPart(shape, rank: rank, tpCount: 1)
    }

    /// What one of `tpCount` ranks holds of an adapter (`LowRankPair.part`).
    static func adapterPart(_ shape: ModelConfiguration, rank: Int, tpCount: Int) -> Double {
        let numbers = Projection.allCases.reduce(0) { sum, projection in
            let (outputs, inputs) = shape.projectionShape(projection)
            switch projection.split {
            case .outputs: return sum + rank * (outputs / tpCount + inputs)
            case .inputs: return sum + rank * (outputs + inputs / tpCount)
            }
        }
        return 2 * Double(shape.layerCount * numbers)
    }
}
