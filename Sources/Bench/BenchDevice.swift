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
    @Option(help: "Devices that the model is split over: neighbouring GPUs from --gpu on, or threads of the CPU.")
    var tensorParallel = 1
    @Option(help: "The share of the GPU's memory that an engine takes.") var gpuMemoryUtilization = 0.9
    @Flag(help: "Let ranks add up through NCCL alone.") var ncclOnly = false

    package init() {}

    var choice: DeviceChoice {
        switch backend {
        case .cpu: .cpu(threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        case .cuda: .cuda(CUDASettings(ordinal: gpu, memoryUtilization: gpuMemoryUtilization, sumsDirectly: !ncclOnly))
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

        var runner: RunnerSizes {
            RunnerSizes(limits: limits, blocks: blocks, blockSize: blockSize, positions: positions)
        }
    }

    /// Blocks that made-up adapters take on a GPU beside the cache; generous, since unused blocks cost nothing.
    func adapterBlocks(_ shape: ModelConfiguration, rank: Int, count: Int, blockSize: Int) -> Int {
        let blockBytes = DecodeBytes.cache(shape) * Double(blockSize) / Double(tensorParallel)
        let adapterBytes = DecodeBytes.adapterPart(shape, rank: rank, tpCount: tensorParallel)
        return count * (Int((adapterBytes * 1.1 / blockBytes).rounded(.up)) + 2)
    }

    /// Makes a runner of made-up weights and hands it to `body`.
    func withRunner(_ shape: ModelConfiguration, sizes: Sizes, _ body: some RunnerBody) throws {
        let checkpoint = Checkpoint.dummy(configuration: shape, seed: 1, type: .bfloat16, distinctLayers: 2)
        switch choice {
        case .cpu(let threads):
            let ranks = tensorParallel == 1 ? nil : HostRanks(count: tensorParallel)
            try run(body) { shard in
                let device = CPUBackend(
                    limits: sizes.limits,
                    vocabularySize: shape.vocabularySize,
                    threads: max(1, threads / shard.tpCount),
                    ranks: ranks?.member(shard.tpRank)
                )
                return try LlamaRunner(checkpoint, shape, sizes.runner, shard: shard, on: device)
            }
        case .cuda(let settings):
            let ranks = tensorParallel == 1 ? nil : try CUDARanks(count: tensorParallel, firstGPU: settings.ordinal)
            try run(body) { shard in
                var settings = settings
                settings.ordinal += shard.tpRank
                let device = try CUDABackend(
                    settings,
                    shape: shape.part(shard).shape,
                    type: shape.deviceType,
                    limits: sizes.limits,
                    blockSize: sizes.blockSize,
                    ranks: ranks?.member(shard.tpRank)
                )
                return try LlamaRunner(checkpoint, shape, sizes.runner, shard: shard, on: device)
            }
        }
    }

    private func run<Device: Backend & SendableMetatype & ~Copyable>(
        _ body: some RunnerBody,
        make: @escaping @Sendable (TensorShard) throws -> LlamaRunner<Device>
    ) throws {
        if tensorParallel == 1 {
            var runner = try make(.whole)
            try body.run(on: &runner)
        } else {
            var runner = try TensorParallelRunner(tpCount: tensorParallel, make: make)
            try body.run(on: &runner)
        }
    }
}

/// What a benchmark does with a runner, whatever its device.
protocol RunnerBody {
    func run<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws
}
