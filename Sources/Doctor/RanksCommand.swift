package import ArgumentParser
internal import Backends
internal import Core
internal import Foundation
internal import Models
internal import Sampling
internal import Weights

/// `ranks`: how far the logits of a model split over several GPUs are from those of the whole model on one.
package struct RanksCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ranks",
        abstract: "Compare the logits of a split model with the whole one's, over mixed batches with adapters."
    )

    @Option(help: "Devices that the model is split over; 1 goes the same way alone.") var tensorParallel = 2
    @Option(help: "The first GPU; the whole model is on it too.") var gpu = 0
    @Option(help: "Layers of the Llama-2-7B shape. (default: 32)") var layers: Int?
    @Option(help: "Instead of that shape, the one model of doctor's whose name contains this.") var only: String?
    @Flag(help: "Compute on the processor instead, with threads as ranks.") var cpu = false
    @Flag(help: "Let ranks add up through NCCL alone.") var ncclOnly = false
    /// Both computations round to 16 bits, and not in the same places: with four layers on an H200 even one rank is
    /// 0.012 from the whole model.
    @Option(help: "The largest relative difference that passes.") var bound = DeviceComparison.bound

    package init() {}

    package func validate() throws {
        for (name, value) in [("tensor-parallel", tensorParallel), ("layers", layers ?? 1)] where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        guard only == nil || layers == nil else { throw ValidationError("--layers is not for a model of --only") }
    }

    package func run() throws {
        let doctorCase = try chosenCase()
        tell("model", doctorCase.name)
        let comparison = try RanksComparison(doctorCase, choice, tpCount: tensorParallel)
        for (step, error) in comparison.errors.enumerated() {
            tell("step \(step), \(comparison.rows[step]) rows", String(format: "%.5f", error))
        }
        let worst = comparison.errors.max() ?? .infinity
        tell("\(tensorParallel) ranks", String(format: "%.5f at worst, bound %g", worst, bound))
        let (choices, ahead) = (comparison.choices, comparison.ahead)
        for wrong in choices.wrong { tell("chosen otherwise", wrong) }
        tell("tokens", "\(choices.compared) chosen, \(choices.wrong.count) otherwise than on the processor")
        tell("steps ahead", "\(ahead.compared) tokens, \(ahead.wrong) otherwise than one step after the other")
        guard worst <= bound, choices.wrong.isEmpty, ahead.wrong == 0 else { throw ExitCode(1) }
    }

    private func chosenCase() throws -> DoctorCase {
        guard let only else { return try Self.sevenB(layers: layers ?? 32) }
        let all = try DoctorCase.all()
        let chosen = all.filter { $0.name.contains(only) }
        guard chosen.count == 1 else {
            let names = all.map { "'\($0.name)'" }.joined(separator: ", ")
            throw ValidationError("--only \(only) names \(chosen.isEmpty ? "none" : "several") of \(names)")
        }
        return chosen[0]
    }

    private static func sevenB(layers: Int) throws -> DoctorCase {
        try DoctorCase(
            "llama-2-7b, \(layers) layers",
            """
            "architectures":["LlamaForCausalLM"],"hidden_size":4096,"intermediate_size":11008,
            "num_hidden_layers":\(layers),"num_attention_heads":32,"num_key_value_heads":32,"vocab_size":32000,
            "torch_dtype":"bfloat16"
            """,
            ranks: [8, 16, 64]
        )
    }

    private var choice: DeviceChoice {
        cpu
            ? .cpu(threads: ProcessInfo.processInfo.activeProcessorCount)
            : .cuda(CUDASettings(ordinal: gpu, pinnedBytes: 1 << 30, adapterSlots: 16, sumsDirectly: !ncclOnly))
    }
}

/// One case's logits, split and whole.
struct RanksComparison {
    /// Rows of each step.
    private(set) var rows: [Int] = []
    /// Of each step's logits.
    private(set) var errors: [Double] = []
    /// Tokens chosen from those logits.
    private(set) var choices: ChoiceComparison
    /// Tokens of steps that began while others ran; none where ranks do not share tokens.
    private(set) var ahead = AheadComparison()
    private let doctorCase: DoctorCase
    private let checkpoint: Checkpoint
    private var limits: BatchLimits { doctorCase.limits }
    private var sizes: RunnerSizes {
        RunnerSizes(limits: limits, blocks: DoctorCase.allBlocks, blockSize: DoctorCase.blockSize, positions: 512)
    }

    init(_ doctorCase: DoctorCase, _ choice: DeviceChoice, tpCount: Int) throws {
        self.doctorCase = doctorCase
        let model = doctorCase.model
        choices = ChoiceComparison(vocabularySize: model.vocabularySize)
        checkpoint = .dummy(configuration: model, seed: 7, type: model.scalarType, distinctLayers: 2)
        switch choice {
        case .cpu(let threads):
            let ranks = HostRanks(count: tpCount)
            try compare(tpCount: tpCount) { [limits, checkpoint, sizes] shard, joins in
                let member = joins ? ranks.member(shard.tpRank) : nil
                let share = max(1, threads / shard.tpCount)
                let device = CPUBackend(
                    limits: limits,
                    vocabularySize: model.vocabularySize,
                    threads: share,
                    ranks: member
                )
                return try LlamaRunner(checkpoint, model, sizes, shard: shard, on: device)
            }
        case .cuda(let settings):
            let ranks = try CUDARanks(count: tpCount, firstGPU: settings.ordinal)
            try compare(tpCount: tpCount) { [limits, checkpoint, sizes] shard, joins in
                var settings = settings
                settings.ordinal += shard.tpRank
                let device = try CUDABackend(
                    settings,
                    shape: model.part(shard).shape,
                    type: model.deviceType,
                    limits: limits,
                    blockSize: DoctorCase.blockSize,
                    ranks: joins ? ranks.member(shard.tpRank) : nil
                )
                return try LlamaRunner(checkpoint, model, sizes, shard: shard, on: device)
            }
        }
    }

    /// - Parameter make: makes a runner; its second argument says whether it joins the ranks.
    private mutating func compare<Device: InspectableBackend & SendableMetatype & ~Copyable>(
        tpCount: Int,
        make: @escaping @Sendable (TensorShard, Bool) throws -> LlamaRunner<Device>
    ) throws {
        let steps = doctorCase.steps(slots: doctorCase.adapters.indices.map { AdapterSlot(Int32($0)) })
        var expected: [[[Float]]] = []
        // One after the other: both would hardly fit beside each other with larger models.
        do {
            var whole = try make(.whole, false)
            try checkSlots(try install(doctorCase.adapters, on: &whole))
            for step in steps { expected.append(try whole.logits(step)) }
        }
        var split = try TensorParallelRunner(tpCount: tpCount) { try make($0, true) }
        try checkSlots(try install(doctorCase.adapters, on: &split))
        for (step, reference) in zip(steps, expected) {
            let found = try split.logits(step)
            rows.append(step.tokenCount)
            errors.append(relativeError(found.flatMap(\.self), reference.flatMap(\.self)))
            // The same step again: equal to the bit, and written where it was.
            try choices.compare(found) { requests throws(BackendError) in
                if split.runsAhead { return try ahead.run(step, requests, on: &split) }
                var chosen: [SampledToken?] = []
                try split.run(step, requests, into: &chosen)
                return chosen
            }
        }
    }

    private func checkSlots(_ slots: [AdapterSlot]) throws {
        guard slots.map(\.rawValue) == slots.indices.map(Int32.init) else {
            throw BackendError("a fresh device does not number its adapters from 0")
        }
    }
}
