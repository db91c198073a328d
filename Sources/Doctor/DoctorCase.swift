internal import Adapters
internal import Backends
internal import Core
internal import Models
internal import Weights

/// A small model with adapters whose steps are computed on two devices.
struct DoctorCase: Sendable {
    let name: String
    let model: ModelConfiguration
    let adapters: [LoadedAdapter]
    /// How many of them, the first, are DoRA's.
    private let doraCount: Int

    static let blockSize = 16
    /// Blocks of the sequences: many of the first few, then one each.
    static let blocks = 160 + 128
    /// With those of the adapters.
    static let allBlocks = 1600 + 128

    /// The most sequences of a step. More than a kernel for few rows takes, but not where each costs much.
    private var sequences: Int { model.hiddenSize < 4096 ? 48 : 16 }
    /// Of `steps`.
    var limits: BatchLimits { BatchLimits(tokens: 256, sequences: sequences, pages: sequences * 12) }

    /// - Parameters:
    ///   - fields: members of `config.json` beside those that every case has.
    ///   - ranks: one adapter of each rank; the last lacks most projections.
    ///   - doraRanks: likewise, with DoRA; they come first.
    init(_ name: String, _ fields: String, ranks: [Int], doraRanks: [Int] = []) throws {
        self.name = name
        let text = """
            {\(fields),"max_position_embeddings":1024,"rms_norm_eps":1e-5,"hidden_act":"silu"}
            """
        let model = try ModelConfiguration(parsing: Array(text.utf8), generation: nil)
        self.model = model
        doraCount = doraRanks.count
        let base = doraRanks.isEmpty ? nil : Self.base(model)
        adapters = try (doraRanks + ranks).enumerated().map { number, rank in
            let isDora = number < doraRanks.count
            let isLast = number + 1 == doraRanks.count + ranks.count
            return try LoadedAdapter.dummy(
                model: model,
                rank: rank,
                seed: UInt64(number + 1),
                projections: isLast ? [.value, .up, .down] : Projection.allCases,
                magnitudesOver: isDora ? base : nil
            )
        }
    }

    /// A model's made-up weights.
    static func base(_ model: ModelConfiguration) -> Checkpoint {
        Checkpoint.dummy(configuration: model, seed: 7, type: model.scalarType)
    }

    /// Shapes that between them reach every path of every kernel.
    static func all() throws -> [DoctorCase] {
        [
            try DoctorCase(
                "llama, grouped heads",
                """
                "architectures":["LlamaForCausalLM"],"hidden_size":512,"intermediate_size":1376,"num_hidden_layers":2,
                "num_attention_heads":8,"num_key_value_heads":2,"vocab_size":1000,"torch_dtype":"bfloat16"
                """,
                ranks: [1, 8, 24, 64, 200]
            ),
            try DoctorCase(
                "llama, float16, odd sizes",
                """
                "architectures":["LlamaForCausalLM"],"hidden_size":192,"intermediate_size":328,"num_hidden_layers":2,
                "num_attention_heads":6,"num_key_value_heads":6,"vocab_size":517,"torch_dtype":"float16"
                """,
                ranks: [2, 3, 7, 33],
                doraRanks: [5]
            ),
            try DoctorCase(
                "mistral, window",
                """
                "architectures":["MistralForCausalLM"],"hidden_size":512,"intermediate_size":1024,
                "num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":1,"vocab_size":640,
                "sliding_window":40,"torch_dtype":"bfloat16"
                """,
                ranks: [4, 16]
            ),
            try DoctorCase(
                "qwen2, biases",
                """
                "architectures":["Qwen2ForCausalLM"],"hidden_size":256,"intermediate_size":704,"num_hidden_layers":2,
                "num_attention_heads":4,"num_key_value_heads":2,"vocab_size":800,"tie_word_embeddings":true,
                "torch_dtype":"bfloat16"
                """,
                ranks: [8, 16, 32],
                doraRanks: [12]
            ),
            try DoctorCase(
                "qwen3, head norms",
                """
                "architectures":["Qwen3ForCausalLM"],"hidden_size":512,"intermediate_size":768,"num_hidden_layers":2,
                "num_attention_heads":8,"num_key_value_heads":4,"head_dim":128,"vocab_size":600,
                "tie_word_embeddings":true,"torch_dtype":"bfloat16"
                """,
                ranks: [16, 64],
                doraRanks: [8]
            ),
            try DoctorCase(
                "llama, heads of 40",
                """
                "architectures":["LlamaForCausalLM"],"hidden_size":256,"intermediate_size":512,"num_hidden_layers":2,
                "num_attention_heads":12,"num_key_value_heads":1,"head_dim":40,"vocab_size":700,"torch_dtype":"bfloat16"
                """,
                ranks: [8, 24]
            ),
            // Ranks of several blocks of weights, and too large for a launch to expand long segments beside short ones.
            try DoctorCase(
                "llama, large ranks",
                """
                "architectures":["LlamaForCausalLM"],"hidden_size":256,"intermediate_size":704,"num_hidden_layers":1,
                "num_attention_heads":4,"num_key_value_heads":2,"vocab_size":500,"torch_dtype":"float16"
                """,
                ranks: [384, 128, 96]
            ),
            try DoctorCase(
                "llama, 7B wide, one layer",
                """
                "architectures":["LlamaForCausalLM"],"hidden_size":4096,"intermediate_size":11008,
                "num_hidden_layers":1,"num_attention_heads":32,"num_key_value_heads":32,"vocab_size":2000,
                "torch_dtype":"bfloat16"
                """,
                ranks: [16, 16, 16, 64]
            ),
        ]
    }

    /// The steps of a little engine: prompts of several lengths in chunks, decoding beside them, all kinds of rows mixed.
    ///
    /// - Parameter slots: of the adapters, in their order.
    func steps(slots: [AdapterSlot]) -> [Batch] {
        var plan = DoctorSteps(vocabularySize: model.vocabularySize, slots: slots)
        // Prompts: chunks that end inside, at and behind a block; one longer than the mistral case's window.
        plan.step([(0, 5), (1, 16), (2, 17), (3, 60)])
        plan.step([(0, 1), (1, 1), (2, 31), (3, 40)])
        // Decodes only, with several rows of one adapter and rows without.
        for _ in 0..<2 { plan.step((0..<4).map { ($0, 1) }) }
        plan.step((4..<12).map { ($0, 3) })
        for _ in 0..<2 { plan.step((0..<12).map { ($0, 1) }) }
        // A long prompt beside decodes.
        plan.step((0..<11).map { ($0, 1) } + [(12, 150)])
        plan.step([(12, 1), (3, 1), (5, 1)])
        // Prompts and decodes of which most rows have adapters, none of them DoRA's, and of which few have.
        plan.step([(3, 20), (4, 1), (6, 1), (7, 12), (8, 9)])
        plan.step([(0, 1), (9, 10), (11, 90), (12, 20)])
        // More rows of short segments than sequences in the wide case, and one row whose logits nobody wants.
        plan.step([(3, 6), (6, 6), (9, 6), (12, 1), (11, 18)])
        plan.step([(1, 1), (2, 1), (7, 1)], unwanted: 7)
        // So many decodes that a row of the wide case has few splits, and more than one look at each.
        plan.step((0..<13).map { ($0, 1) })
        // Nobody has an adapter: decodes, and as many rows as each of the kernels for few rows takes.
        for count in 1...3 { plan.step([2, 5, 8].prefix(count).map { ($0, 1) }) }
        for count in [7, 13, 29] { plan.step([(2, count)]) }
        plan.step([(5, 47)])
        plan.step([(8, 64)])
        // More decodes than few: most with adapters, none of them DoRA's, and none with.
        if sequences == 48 {
            for _ in 0..<2 { plan.step((13..<60).map { ($0, 1) }) }
            let plain = (13..<60).filter { plan.slot(of: $0).map { $0.rawValue >= doraCount } ?? true }
            plan.step(plain.map { ($0, 1) })
            plan.step((0..<40).map { (14 + 3 * $0, 1) })
            plan.step(plain.map { ($0, 1) })
            // A prompt without an adapter beside them.
            plan.step(plain.filter { plan.slot(of: $0) != nil }.map { ($0, 1) } + [(5, 12)])
            // Long segments: two of small rank, one of another and short ones; and one of two blocks of columns.
            plan.step([(0, 1), (1, 1), (4, 70), (7, 66), (10, 24), (11, 9)])
            plan.step([(0, 1), (3, 1), (5, 9), (7, 70), (10, 80)])
        }
        return plan.batches
    }
}

/// Lays steps out as the engine does: sequences of one adapter side by side.
private struct DoctorSteps {
    let vocabularySize: Int
    let slots: [AdapterSlot]
    private(set) var batches: [Batch] = []
    private var lengths: [Int: Int] = [:]
    private let blocksPerSequence = 12

    init(vocabularySize: Int, slots: [AdapterSlot]) {
        self.vocabularySize = vocabularySize
        self.slots = slots
    }

    /// Two of every three sequences have an adapter, and neighbours share one.
    func slot(of sequence: Int) -> AdapterSlot? {
        sequence % 3 == 2 || slots.isEmpty ? nil : slots[sequence / 3 % slots.count]
    }

    /// Where a sequence comes in the step: rows without an adapter lie before, behind and between the others in turn.
    private func place(of sequence: Int) -> Int {
        if let slot = slot(of: sequence) { return 2 * Int(slot.rawValue) + 1 }
        return [0, 2 * slots.count, slots.count / 2 * 2][batches.count % 3]
    }

    /// - Parameter unwanted: a sequence that wants no token.
    mutating func step(_ parts: [(sequence: Int, count: Int)], unwanted: Int? = nil) {
        var batch = Batch()
        let ordered = parts.sorted { (place(of: $0.sequence), $0.sequence) < (place(of: $1.sequence), $1.sequence) }
        for (sequence, count) in ordered {
            let start = lengths[sequence] ?? 0
            for position in start..<start + count {
                batch.tokens.append(TokenID(Int32((sequence * 131 + position * 17 + 3) % vocabularySize)))
                batch.positions.append(Int32(position))
                batch.kvPositions.append(
                    Int32(block(sequence, position) * DoctorCase.blockSize + position % DoctorCase.blockSize)
                )
            }
            lengths[sequence] = start + count
            let pages = (start + count + DoctorCase.blockSize - 1) / DoctorCase.blockSize
            for page in 0..<pages { batch.pageIndices.append(Int32(block(sequence, page * DoctorCase.blockSize))) }
            batch.closeSequence(slot: slot(of: sequence), wantsToken: sequence != unwanted)
        }
        batches.append(batch)
    }

    /// Blocks of a sequence are strewn over the cache; of all but the first sequences each has one.
    private func block(_ sequence: Int, _ position: Int) -> Int {
        if sequence >= 13 { return 157 + sequence - 13 }
        return (sequence * blocksPerSequence + position / DoctorCase.blockSize) * 37 % 157
    }
}
