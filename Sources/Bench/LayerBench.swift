internal import Adapters
package import ArgumentParser
internal import Backends
internal import Core
internal import JSON
internal import Models
internal import Weights

/// `bench layer`: a whole decoder layer of a decode step on a GPU, by batch and popularity.
///
/// The difference between models of twelve layers and of four, so that embedding and head cancel out.
package struct LayerBench: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "layer",
        abstract: "Time of one decoder layer on a GPU, attention and low-rank updates included."
    )

    @OptionGroup var device: BenchDevice
    @OptionGroup var report: ReportOptions
    @Option(help: "A shape by name (\(BenchShapes.names.joined(separator: ", "))) or a directory with config.json.")
    var model = "llama-2-7b"
    @Option(parsing: .upToNextOption, help: "Sequences that decode at once.") var batch = [1, 8, 32, 64]
    @Option(help: "Tokens of each sequence.") var context = 512
    @Option(help: "Rank of the made-up adapters, on all projections; 1 ... 512.") var rank = 16
    @Option(parsing: .upToNextOption, help: "base, identical, distinct.")
    var popularity: [StepPopularity] = StepPopularity.allCases
    @Option(help: "Measured replays.") var replays = 20
    @Option(help: "Bytes a second that the device reads at best, for the floor; in TB/s.") var bandwidth = 3.08

    private static let (few, many) = (4, 12)
    private static let blockSize = 16

    package init() {}

    package func validate() throws {
        for (name, value) in [("context", context), ("replays", replays)] + batch.map({ ("batch", $0) }) where value < 1
        {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        guard (1...512).contains(rank) else { throw ValidationError("--rank is \(rank), but must be 1 ... 512") }
    }

    package func run() throws {
        guard case .cuda(let settings) = device.choice else { throw BenchError.needsGPU }
        let shape = try BenchShapes.shape(model)
        guard shape.layerCount >= Self.many else { throw BenchError.tooFewLayers(shape.layerCount, least: Self.many) }
        let output = BenchOutput(report)
        let few = try times(shape, layers: Self.few, settings)
        let many = try times(shape, layers: Self.many, settings)
        for (index, (batch, popularity)) in cases.enumerated() {
            let differences = zip(many[index], few[index]).map { ($0 - $1) * 1000 / Double(Self.many - Self.few) }
            output.print(record(differences, shape, batch: batch, popularity: popularity))
        }
        try output.finish()
    }

    private var cases: [(batch: Int, popularity: StepPopularity)] {
        batch.flatMap { batch in popularity.map { (batch, $0) } }
    }

    /// Milliseconds of each replay, sorted, for each case.
    private func times(_ shape: ModelConfiguration, layers: Int, _ settings: CUDASettings) throws -> [[Double]] {
        let shape = shape.keepingLayers(layers)
        let largest = batch.max() ?? 1
        let pages = (context + Self.blockSize) / Self.blockSize
        let room = device.adapterBlocks(shape, rank: rank, count: largest, blockSize: Self.blockSize)
        let sizes = BenchDevice.Sizes(
            sequences: largest,
            tokens: max(256, largest),
            blocks: largest * pages + room,
            blockSize: Self.blockSize,
            positions: context + Self.blockSize
        )
        let checkpoint = Checkpoint.dummy(configuration: shape, seed: 1, type: .bfloat16, distinctLayers: 2)
        let backend = try CUDABackend(
            settings,
            shape: shape.shape,
            type: shape.deviceType,
            limits: sizes.limits,
            blockSize: Self.blockSize
        )
        var runner = try LlamaRunner(checkpoint, shape, sizes.runner, on: backend)
        var blocks = StepBlocks(after: largest * pages)
        let needed = popularity == [.base] ? 0 : popularity.contains(.distinct) ? largest : 1
        let slots = try DummyAdapters.make(shape, rank: rank, count: needed).map { try blocks.install($0, on: &runner) }
        return try cases.map { batch, popularity in
            let assigned = (0..<batch).map { popularity.adapter(of: $0).map { slots[$0] } }
            return try runner.time(step(assigned, pages: pages), replays: replays).sorted()
        }
    }

    private func step(_ slots: [AdapterSlot?], pages: Int) -> Batch {
        var batch = Batch()
        for (sequence, slot) in slots.enumerated() {
            batch.tokens.append(TokenID(1))
            batch.positions.append(Int32(context - 1))
            batch.kvPositions.append(Int32(sequence * pages * Self.blockSize + context - 1))
            let used = (context + Self.blockSize - 1) / Self.blockSize
            for page in 0..<used { batch.pageIndices.append(Int32(sequence * pages + page)) }
            batch.closeSequence(slot: slot, wantsToken: true)
        }
        return batch
    }

    private func record(
        _ times: [Double],
        _ shape: ModelConfiguration,
        batch: Int,
        popularity: StepPopularity
    ) -> BenchRecord {
        var line = BenchRecord(bench: "layer", backend: "cuda")
        line["model"] = .string(model)
        line["batch"] = .integer(batch)
        line["context"] = .integer(context)
        line["popularity"] = .string(popularity.rawValue)
        line["rank"] = .integer(rank)
        let adapters = popularity == .base ? 0 : popularity == .identical ? 1 : batch
        let head = 2 * Double(shape.vocabularySize * shape.hiddenSize)
        let bytes =
            DecodeBytes.weights(shape) - head + Double(batch * context) * DecodeBytes.cache(shape)
            + Double(adapters) * DecodeBytes.adapter(shape, rank: rank)
        line.add(times, unit: "us", floor: bytes / Double(shape.layerCount) / (bandwidth * 1e6))
        return line
    }
}
