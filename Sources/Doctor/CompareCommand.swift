internal import Adapters
package import ArgumentParser
internal import Backends
internal import Core
internal import Foundation
internal import Models
internal import Weights

/// `compare`: how far logits of mixed batches are from those that another implementation computed one by one.
package struct CompareCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare a GPU's logits with a reference of scripts/gpu/reference.py."
    )

    @Argument(help: "A model directory with adapters, reference.json and reference.safetensors.") var directory: String
    @Option(help: "Which GPU, counted from 0.") var gpu = 0
    @Flag(help: "Compute on the processor instead.") var cpu = false
    @Option(help: "The largest relative difference to float32 that passes, as a multiple of the reference's own.")
    var bound = 1.25

    package init() {}

    package func run() throws {
        let reference = try ReferenceFile(directory: directory)
        let configuration = try ModelConfiguration(
            parsing: Array(try Data(contentsOf: URL(filePath: directory + "/config.json"))),
            generation: nil
        )
        let checkpoint = try Checkpoint(directory: directory)
        let run = try ReferenceRun(reference, configuration, checkpoint, directory: directory)
        let found = try cpu ? run.logitsOfProcessor() : run.logits(on: CUDASettings(ordinal: gpu))
        var isRight = true
        for (number, sequence) in reference.sequences.enumerated() {
            let own = try reference.logits(of: number, exact: false)
            let exact = try reference.logits(of: number, exact: true)
            let outcome = Outcome(
                toExact: difference(found[number], exact),
                ofReference: difference(own, exact),
                toReference: difference(found[number], own)
            )
            let passes = outcome.toExact <= bound * outcome.ofReference
            isRight = isRight && passes
            let subject = "\(sequence.adapter ?? "base"), \(sequence.prompt.count) tokens"
            tell(subject, "\(passes ? "right" : "WRONG")  \(outcome)")
        }
        guard isRight else { throw ExitCode(1) }
    }

    /// Distances of a sequence's logits, relative to their norm.
    ///
    /// Two 16-bit computations are each as far from float32 as their rounding is coarse, and farther from each other.
    private struct Outcome: CustomStringConvertible {
        let toExact: Double
        let ofReference: Double
        let toReference: Double

        var description: String {
            String(
                format: "%.5f from float32, the reference's own %.5f; %.5f from the reference",
                toExact,
                ofReference,
                toReference
            )
        }
    }

    private func difference(_ found: [[Float]], _ expected: [[Float]]) -> Double {
        relativeError(found.flatMap(\.self), expected.flatMap(\.self))
    }
}

/// The sequences of a reference computed together: each begins a step after the one before it.
struct ReferenceRun {
    private let reference: ReferenceFile
    private let configuration: ModelConfiguration
    private let checkpoint: Checkpoint
    private let adapters: [(name: String, adapter: LoadedAdapter)]
    private let blockSize = 16
    private let blocksPerSequence: Int
    private let adapterBlocks = 4096

    init(
        _ reference: ReferenceFile,
        _ configuration: ModelConfiguration,
        _ checkpoint: Checkpoint,
        directory: String
    ) throws {
        self.reference = reference
        self.configuration = configuration
        self.checkpoint = checkpoint
        let loader = AdapterLoader(model: configuration, base: checkpoint)
        adapters = try Set(reference.sequences.compactMap(\.adapter)).sorted().map { name in
            (name, try loader.load(directory: directory + "/adapters/" + name))
        }
        let longest = reference.sequences.map { $0.prompt.count + $0.continuation.count }.max() ?? 1
        blocksPerSequence = longest / blockSize + 1
    }

    /// Logits `[sequences][continuation + 1][V]`.
    func logits(on settings: CUDASettings) throws -> [[[Float]]] {
        try logits(
            on: CUDABackend(
                settings,
                shape: configuration.shape,
                type: configuration.deviceType,
                limits: limits,
                blockSize: blockSize
            )
        )
    }

    func logitsOfProcessor() throws -> [[[Float]]] {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        return try logits(
            on: CPUBackend(limits: limits, vocabularySize: configuration.vocabularySize, threads: threads)
        )
    }

    private var limits: BatchLimits {
        let count = reference.sequences.count
        return BatchLimits(
            tokens: reference.sequences.reduce(0) { $0 + $1.prompt.count },
            sequences: count,
            pages: count * blocksPerSequence
        )
    }

    private func logits<Device: InspectableBackend & ~Copyable>(on device: consuming Device) throws -> [[[Float]]] {
        let sizes = RunnerSizes(
            limits: limits,
            blocks: reference.sequences.count * blocksPerSequence + adapterBlocks,
            blockSize: blockSize,
            positions: blocksPerSequence * blockSize
        )
        var runner = try LlamaRunner(checkpoint, configuration, sizes, on: device)
        let slots = try install(on: &runner)
        var found = Array(repeating: [[Float]](), count: reference.sequences.count)
        for step in 0... {
            let (batch, order) = batch(of: step, slots)
            if order.isEmpty { break }
            for (sequence, row) in zip(order, try runner.logits(batch)) { found[sequence].append(row) }
        }
        return found
    }

    /// The step's batch, sequences of one adapter side by side, and which sequences are in it.
    private func batch(of step: Int, _ slots: [String: AdapterSlot]) -> (Batch, order: [Int]) {
        let live = reference.sequences.indices.filter {
            ($0...$0 + reference.sequences[$0].continuation.count).contains(step)
        }
        let slot = { (sequence: Int) in reference.sequences[sequence].adapter.flatMap { slots[$0] } }
        let order = live.sorted { (slot($0)?.rawValue ?? -1, $0) < (slot($1)?.rawValue ?? -1, $1) }
        var batch = Batch()
        for index in order {
            let sequence = reference.sequences[index]
            let tokens = sequence.prompt + sequence.continuation
            let end = sequence.prompt.count + step - index
            let first = index * blocksPerSequence
            for position in (step == index ? 0 : end - 1)..<end {
                batch.tokens.append(tokens[position])
                batch.positions.append(Int32(position))
                batch.kvPositions.append(Int32(first * blockSize + position))
            }
            for page in 0..<(end + blockSize - 1) / blockSize { batch.pageIndices.append(Int32(first + page)) }
            batch.closeSequence(slot: slot(index), wantsToken: true)
        }
        return (batch, order)
    }

    private func install<Runner: ModelRunner & ~Copyable>(on runner: inout Runner) throws -> [String: AdapterSlot] {
        var next = reference.sequences.count * blocksPerSequence
        let end = next + adapterBlocks
        var slots: [String: AdapterSlot] = [:]
        for (name, adapter) in adapters {
            let blocks = (next..<next + runner.footprint(of: adapter).blocks).map { BlockID(Int32($0)) }
            next += blocks.count
            guard next <= end, let slot = runner.install(adapter, in: blocks) else {
                throw BackendError("no room for adapter \(name)")
            }
            while try !runner.hasLanded(slot) { usleep(100) }
            slots[name] = slot
        }
        return slots
    }
}
