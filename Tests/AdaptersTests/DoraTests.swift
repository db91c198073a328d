import Core
import JSON
import Testing
import Weights

@testable import Adapters

/// Column scales against the plainest computation in float64.
@Suite struct DoraTests {
    let base: TinyBase
    let directory: TemporaryDirectory

    init() throws {
        base = try TinyBase(vocabulary: 70)
        directory = try TemporaryDirectory()
    }

    private func load(_ source: PEFTDirectory) throws -> LoadedAdapter {
        try source.write(to: directory.path)
        return try AdapterLoader(model: base.model, base: base.checkpoint).load(directory: directory.path)
    }

    /// `scale · B·A` as rows.
    private func update(_ pair: LowRankPair) -> [[Double]] {
        let (rank, inputs) = (pair.a.shape[0], pair.a.shape[1])
        let (a, b) = (pair.a.floats, pair.b.floats)
        return (0..<pair.b.shape[0]).map { output in
            (0..<inputs).map { input in
                (0..<rank).reduce(0.0) { $0 + Double(b[output * rank + $1]) * Double(a[$1 * inputs + input]) }
                    * Double(pair.scale)
            }
        }
    }

    private func expectScales(_ pair: LowRankPair?, magnitude: HostTensor, rows: [[Float]]) throws {
        let pair = try #require(pair)
        let scales = try #require(pair.columnScale)
        for (output, row) in update(pair).enumerated() {
            let length = zip(row, rows[output]).reduce(0.0) { $0 + ($1.0 + Double($1.1)) * ($1.0 + Double($1.1)) }
            let expected = Double(magnitude.floats[output]) / length.squareRoot()
            #expect(abs(Double(scales[output]) - expected) <= 1e-5 * abs(expected))
        }
    }

    private func rows(of name: String) throws -> [[Float]] {
        let tensor = try base.checkpoint.tensor(named: name)
        let values = tensor.floats
        return (0..<tensor.shape[0]).map { Array(values[$0 * tensor.shape[1]..<($0 + 1) * tensor.shape[1]]) }
    }

    private func source() -> PEFTDirectory {
        var source = PEFTDirectory(base: base)
        source.fields["use_dora"] = true
        for layer in 0..<2 {
            let path = "base_model.model.model.layers.\(layer).self_attn."
            source.tensors[path + "q_proj.lora_magnitude_vector"] = .random([8], seed: 80)
            source.tensors[path + "v_proj.lora_magnitude_vector"] = .random([4], seed: 81)
        }
        return source
    }

    @Test func `linear scales are magnitudes over row lengths`() throws {
        let source = source()
        let adapter = try load(source)
        try expectScales(
            adapter.pair(layer: 1, .query),
            magnitude: .random([8], seed: 80),
            rows: rows(of: "model.layers.1.self_attn.q_proj.weight")
        )
        try expectScales(
            adapter.pair(layer: 0, .value),
            magnitude: .random([4], seed: 81),
            rows: rows(of: "model.layers.0.self_attn.v_proj.weight")
        )
        #expect(adapter.summary.usesDora)
        #expect(adapter.byteCount == 8 * 64 + 2 * (8 + 4) * 4)
    }

    @Test func `the embedding's lengths are taken down its columns and the head's along its rows`() throws {
        var source = source()
        source.addEmbedding(base, rank: 2)
        source.addHead(base, rank: 2)
        source.fields["target_modules"] = ["q_proj", "v_proj", "embed_tokens", "lm_head"]
        source.tensors["base_model.model.model.embed_tokens.lora_magnitude_vector"] = .random([8], seed: 82)
        source.tensors["base_model.model.lm_head.lora_magnitude_vector.weight"] = .random([70], seed: 83)
        let adapter = try load(source)
        let table = try rows(of: "model.embed_tokens.weight")
        let columns = (0..<8).map { column in table.map { $0[column] } }
        try expectScales(adapter.embedding, magnitude: .random([8], seed: 82), rows: columns)
        try expectScales(adapter.head, magnitude: .random([70], seed: 83), rows: rows(of: "lm_head.weight"))
    }

    @Test func `magnitudes must be there, in their shape, and only for DoRA`() throws {
        let key = "base_model.model.model.layers.1.self_attn.q_proj.lora_magnitude_vector"
        var source = source()
        source.tensors[key] = .random([9], seed: 1)
        #expect(throws: AdapterError.shapeMismatch(key: key, found: [9], expected: [8])) { try load(source) }
        source.tensors[key] = nil
        let missing = #expect(throws: AdapterError.self) { try load(source) }
        #expect(try #require(missing).description.contains(key))
        source.tensors[key] = .random([8], seed: 80)
        source.tensors[key + ".weight"] = .random([8], seed: 80)
        #expect(throws: AdapterError.self) { try load(source) }
        source.tensors[key + ".weight"] = nil
        source.fields["use_dora"] = false
        #expect(throws: AdapterError.self) { try load(source) }
    }
}
