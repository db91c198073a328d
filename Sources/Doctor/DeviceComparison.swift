internal import Adapters
internal import Backends
internal import Core
internal import Foundation
internal import Models
internal import Sampling
internal import Weights

/// How far a GPU's results are from the processor's, over the steps of one case.
struct DeviceComparison {
    /// The largest relative error of each kind of operation, in the order first met.
    private(set) var errors: [(operation: String, error: Double)] = []
    /// The largest relative error of a step's logits when decode steps run as graphs.
    private(set) var graphError = 0.0
    /// Tokens chosen from those logits.
    private(set) var choices: ChoiceComparison
    /// Tokens of steps that began while others ran.
    private(set) var ahead = AheadComparison()

    /// What bfloat16 activations may differ from float32 ones after two layers.
    static let bound = 2e-2

    var worst: (operation: String, error: Double) {
        (errors + [("graphs", graphError)]).max { $0.error < $1.error } ?? ("nothing", .infinity)
    }

    var isRight: Bool {
        !errors.isEmpty && worst.error <= Self.bound && choices.wrong.isEmpty && ahead.compared > 0
            && ahead.wrong == 0
    }

    /// - Throws: `BackendError` when the GPU fails.
    init(_ doctorCase: DoctorCase, _ settings: CUDASettings, threads: Int) throws {
        choices = ChoiceComparison(vocabularySize: doctorCase.model.vocabularySize)
        let checkpoint = DoctorCase.base(doctorCase.model)
        let limits = doctorCase.limits
        let cpu = CPUBackend(limits: limits, vocabularySize: doctorCase.model.vocabularySize, threads: threads)
        var reference = try runner(doctorCase, checkpoint, limits, on: TracedBackend(cpu))
        var settings = settings
        settings.pinnedBytes = 64 << 20
        settings.adapterSlots = 16
        settings.usesGraphs = false
        var traced = try runner(
            doctorCase,
            checkpoint,
            limits,
            on: TracedBackend(try gpu(doctorCase, settings, limits))
        )
        settings.usesGraphs = true
        var graphed = try runner(doctorCase, checkpoint, limits, on: try gpu(doctorCase, settings, limits))
        let slots = try install(doctorCase.adapters, on: &reference)
        guard try install(doctorCase.adapters, on: &traced) == slots,
            try install(doctorCase.adapters, on: &graphed) == slots
        else { throw BackendError("devices number adapters differently") }
        for (number, batch) in doctorCase.steps(slots: slots).enumerated() {
            let expected = try reference.logits(batch)
            _ = try traced.logits(batch)
            let operations = try reference.withDevice { try $0.takeTrace() }
            note(try traced.withDevice { try $0.takeTrace() }, against: operations)
            let logits = try graphed.logits(batch)
            graphError = max(graphError, relativeError(logits.flatMap(\.self), expected.flatMap(\.self)))
            // The same step again: equal to the bit, and written where it was.
            try choices.compare(logits) { requests throws(BackendError) in
                // Some are enough: each takes four steps.
                if number % 5 == 2 { return try ahead.run(batch, requests, on: &graphed) }
                var chosen: [SampledToken?] = []
                try graphed.run(batch, requests, into: &chosen)
                return chosen
            }
        }
    }

    private mutating func note(_ trace: [TracedOperation], against reference: [TracedOperation]) {
        guard trace.count == reference.count else { return errors.append(("all", .infinity)) }
        for (operation, expected) in zip(trace, reference) {
            let error = relativeError(operation.values, expected.values)
            if let index = errors.firstIndex(where: { $0.operation == operation.name }) {
                errors[index].error = max(errors[index].error, error)
            } else {
                errors.append((operation.name, error))
            }
        }
    }
}

private func gpu(
    _ doctorCase: DoctorCase,
    _ settings: CUDASettings,
    _ limits: BatchLimits
) throws(BackendError) -> CUDABackend {
    try CUDABackend(
        settings,
        shape: doctorCase.model.shape,
        type: doctorCase.model.deviceType,
        limits: limits,
        blockSize: DoctorCase.blockSize
    )
}

private func runner<Device: Backend & ~Copyable>(
    _ doctorCase: DoctorCase,
    _ checkpoint: Checkpoint,
    _ limits: BatchLimits,
    on device: consuming Device
) throws(WeightsError) -> LlamaRunner<Device> {
    try LlamaRunner(
        checkpoint,
        doctorCase.model,
        RunnerSizes(limits: limits, blocks: DoctorCase.allBlocks, blockSize: DoctorCase.blockSize, positions: 512),
        on: device
    )
}

/// Brings adapters into the blocks behind those of the sequences, and waits until they are there.
func install<Runner: ModelRunner & ~Copyable>(
    _ adapters: [LoadedAdapter],
    on runner: inout Runner
) throws -> [AdapterSlot] {
    var next = DoctorCase.blocks
    return try adapters.map { adapter in
        let count = runner.footprint(of: adapter).blocks
        guard next + count <= DoctorCase.allBlocks else { throw BackendError("the adapters need \(count) more blocks") }
        let blocks = (next..<next + count).map { BlockID(Int32($0)) }
        next += count
        guard let slot = runner.install(adapter, in: blocks) else { throw BackendError("no slot for an adapter") }
        var questions = 0
        while try !runner.hasLanded(slot) {
            guard questions < 200_000 else { throw BackendError("an adapter did not arrive within ten seconds") }
            questions += 1
            usleep(50)
        }
        return slot
    }
}
