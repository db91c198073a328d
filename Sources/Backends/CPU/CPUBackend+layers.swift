internal import CPUKernels
internal import Core
package import Sampling

extension CPUBackend {
    package mutating func normalize(_ x: CPURows, adding delta: CPURows?, by norm: Norm<CPUVector>, into y: CPURows) {
        let rows = inputs.tokenCount
        if let delta { punica_add(pool, x.pointer, x.width, delta.pointer, delta.width, rows, x.width) }
        normalize(x, rows, by: norm, into: y)
    }

    package mutating func normalizeWanted(
        _ x: CPURows,
        adding delta: CPURows?,
        by norm: Norm<CPUVector>,
        into y: CPURows
    ) {
        for index in 0..<inputs.wantedCount {
            let row = Int(inputs.wantedRows[index])
            let target = y.pointer + index * y.width
            target.update(from: x.pointer + row * x.width, count: x.width)
            guard let delta else { continue }
            punica_add(nil, target, y.width, delta.pointer + row * delta.width, delta.width, 1, x.width)
        }
        normalize(y, inputs.wantedCount, by: norm, into: y)
    }

    private func normalize(_ x: CPURows, _ rows: Int, by norm: Norm<CPUVector>, into y: CPURows) {
        let weight = norm.weight.pointer
        punica_rms_norm(pool, y.pointer, y.width, x.pointer, x.width, weight, rows, x.width, norm.epsilon)
    }

    package mutating func normalizeHeads(_ x: CPURows, column: Int, heads: Int, by norm: Norm<CPUVector>) {
        punica_rms_norm_heads(
            pool,
            x.pointer + column,
            x.width,
            norm.weight.pointer,
            inputs.tokenCount,
            heads,
            norm.weight.count,
            norm.epsilon
        )
    }

    package mutating func appendAndAttend(_ qkv: CPURows, layer: Int, shape: AttentionShape, into output: CPURows) {
        rotateAndAppend(qkv, layer: layer, shape: shape)
        attend(qkv, layer: layer, shape: shape, into: output)
    }

    private mutating func rotateAndAppend(_ qkv: CPURows, layer: Int, shape: AttentionShape) {
        guard let cosines, let sines else { preconditionFailure("rotary tables come before the first step") }
        let keyColumn = shape.heads * shape.headSize
        let valueColumn = keyColumn + shape.keyValueHeads * shape.headSize
        // Queries and keys lie side by side, so one call rotates both.
        punica_rope(
            pool,
            qkv.pointer,
            qkv.width,
            inputs.tokenCount,
            shape.heads + shape.keyValueHeads,
            shape.headSize,
            inputs.positions,
            cosines.pointer,
            sines.pointer
        )
        punica_kv_append(
            pool,
            keys[layer],
            values[layer],
            qkv.pointer + keyColumn,
            qkv.width,
            qkv.pointer + valueColumn,
            qkv.width,
            inputs.kvPositions,
            inputs.tokenCount,
            shape.keyValueHeads,
            shape.headSize,
            kvShape.blockSize
        )
    }

    private mutating func attend(
        _ qkv: CPURows,
        layer: Int,
        shape: AttentionShape,
        into output: CPURows
    ) {
        var batch = punica_attention_batch(
            q: qkv.pointer,
            ldq: qkv.width,
            out: output.pointer,
            ldout: output.width,
            k_cache: keys[layer],
            v_cache: values[layer],
            heads: Int32(shape.heads),
            kv_heads: Int32(shape.keyValueHeads),
            head_size: Int32(shape.headSize),
            page_size: Int32(kvShape.blockSize),
            scale: 1 / Float(shape.headSize).squareRoot(),
            window: Int32(shape.window ?? 0),
            sequences: Int32(inputs.sequenceCount),
            sequence_starts: inputs.sequenceStarts,
            positions: inputs.positions,
            page_starts: inputs.pageStarts,
            page_indices: inputs.pageIndices
        )
        punica_attention(pool, &batch)
    }

    package mutating func gate(_ x: CPURows, into y: CPURows) {
        punica_silu_mul(pool, y.pointer, y.width, x.pointer, x.width, inputs.tokenCount, y.width)
    }

    package mutating func sumOverRanks(_ y: CPURows) { ranks?.sum(y.pointer, count: inputs.tokenCount * y.width) }

    package mutating func finish() {}

    package mutating func sample(_ logits: CPURows, _ requests: borrowing [SamplingRequest]) {
        precondition(requests.count == inputs.wantedCount, "one sampling request for each wanted row")
        samples.removeAll(keepingCapacity: true)
        for index in 0..<requests.count {
            let row = UnsafeMutableBufferPointer(start: logits.pointer + index * logits.width, count: logits.width)
            samples.append(sampler.sample(row, for: requests[index]))
        }
    }

    package mutating func takeSamples(into outputs: inout [SampledToken?]) { swap(&samples, &outputs) }
}
