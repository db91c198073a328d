/// How long a step takes: linear in what it computes and reads.
struct StepTimeModel: Sendable, Equatable {
    /// Reading the weights, launches, the host: what a step takes whatever is in it. All in seconds.
    var base: Double
    /// For each sequence of the batch.
    var perSequence = 0.0
    /// For each token of context, of all sequences together.
    var perContextToken: Double
    /// For each token that a prefill computes beside the decodes.
    var perPrefillToken: Double
    /// Once, if any sequence has an adapter.
    var anyAdapter = 0.0
    /// For each different adapter of rank 16; other ranks in proportion.
    var perAdapter = 0.0

    /// What one step computes.
    struct Load: Sendable, Equatable {
        var batch: Int
        var contextTokens: Int
        var prefillTokens = 0
        /// The ranks of the different adapters, added up.
        var rankSum = 0
    }

    func seconds(_ load: Load) -> Double {
        let adapters = load.rankSum > 0 ? anyAdapter + perAdapter * Double(load.rankSum) / 16 : 0
        return base + perSequence * Double(load.batch) + perContextToken * Double(load.contextTokens)
            + perPrefillToken * Double(load.prefillTokens) + adapters
    }
}

/// A GPU with a 7B model, as the simulator knows it.
struct SimulationPreset: Sendable, Equatable {
    var name: String
    var step: StepTimeModel
    /// Most sequences of a step.
    var maxBatch = 32
    /// Blocks that the model leaves for keys, values and adapters.
    var blockCount: Int
    var blockSize = 16
    var blockBytes = 16 * 512 * 1024
    /// Bytes of an adapter of rank 16 on all projections.
    var adapterBytes = 80_000_000
    /// Bytes a second at which adapters come to the GPU.
    var loadRate: Double
    /// Time from the scheduler's word to the runner's having the request.
    var handover = 0.01

    /// The paper's second testbed, A100 40 GB: the slopes of its Figure 1 (batch 1 to 32: 11 to 13 ms for short
    /// sequences, to 34 ms for long ones), its 2 ms for adapters, and as base what gives its 1,044 tokens a second
    /// (section 7.2) for requests of the lengths of `PaperWorkload`.
    static let a100 = SimulationPreset(
        name: "a100",
        step: StepTimeModel(
            base: 0.017,
            perSequence: 21e-6,
            perContextToken: 0.34e-6,
            perPrefillToken: 90e-6,
            anyAdapter: 0.002
        ),
        blockCount: 2700,
        loadRate: 25e9
    )

    /// An H100 80 GB with this system's own kernels (docs/performance.md): the fit of `Benchmarks/records/h100`.
    static let h100 = SimulationPreset(
        name: "h100",
        step: StepTimeModel(
            base: 0.0056,
            perContextToken: 0.187e-6,
            perPrefillToken: 25.2e-6,
            anyAdapter: 0.00091,
            perAdapter: 25.6e-6
        ),
        blockCount: 7000,
        loadRate: 44e9
    )

    static let all = [a100, h100]
}
