internal import ArgumentParser
internal import Backends
internal import Core
internal import Foundation
internal import Models
internal import Weights

/// Options that say what a benchmark runs on.
package struct BenchDevice: ParsableArguments {
    enum Kind: String, ExpressibleByArgument, CaseIterable, Sendable { case cpu, cuda }

    @Option(help: "cpu or cuda.") var backend = Kind.cuda
    @Option(help: "Threads of the CPU backend. Default: all cores.") var threads: Int?
    @Option(help: "Which GPU, counted from 0.") var gpu = 0

    package init() {}

    var choice: DeviceChoice {
        switch backend {
        case .cpu: .cpu(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        case .cuda: .cuda(CUDASettings(ordinal: gpu))
        }
    }

    /// Sizes of a runner that a benchmark drives itself, without an engine.
    struct Sizes {
        let sequences: Int
        let tokens: Int
        let blocks: Int
        let blockSize: Int
        let positions: Int

        var limits: BatchLimits {
            let pages = sequences * ((positions + blockSize - 1) / blockSize)
            return BatchLimits(tokens: tokens, sequences: sequences, pages: pages)
        }
    }

    /// Blocks that made-up adapters take on a GPU beside the cache; generous, since unused blocks cost nothing.
    func adapterBlocks(_ shape: ModelConfiguration, rank: Int, count: Int, blockSize: Int) -> Int {
        let blockBytes = DecodeBytes.cache(shape) * Double(blockSize)
        return count * (Int((DecodeBytes.adapter(shape, rank: rank) * 1.1 / blockBytes).rounded(.up)) + 2)
    }

    /// Makes a runner of made-up weights and hands it to `body`.
    func withRunner(_ shape: ModelConfiguration, sizes: Sizes, _ body: some RunnerBody) throws {
        let checkpoint = Checkpoint.dummy(configuration: shape, seed: 1, type: .bfloat16, distinctLayers: 2)
        switch choice {
        case .cpu(let threads):
            let device = CPUBackend(limits: sizes.limits, vocabularySize: shape.vocabularySize, threads: threads)
            try run(checkpoint, shape, sizes, device, body)
        case .cuda(let settings):
            let device = try CUDABackend(
                settings,
                shape: shape.shape,
                type: shape.deviceType,
                limits: sizes.limits,
                blockSize: sizes.blockSize
            )
            try run(checkpoint, shape, sizes, device, body)
        }
    }

    private func run<Device: Backend & ~Copyable>(
        _ checkpoint: Checkpoint,
        _ shape: ModelConfiguration,
        _ sizes: Sizes,
        _ device: consuming Device,
        _ body: some RunnerBody
    ) throws {
        var runner = try LlamaRunner(
            checkpoint,
            shape,
            RunnerSizes(
                limits: sizes.limits,
                blocks: sizes.blocks,
                blockSize: sizes.blockSize,
                positions: sizes.positions
            ),
            on: device
        )
        try body.run(on: &runner)
    }
}

/// What a benchmark does with a runner, whatever its device.
protocol RunnerBody {
    func run<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws
}
