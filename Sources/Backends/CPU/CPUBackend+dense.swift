internal import CPUKernels
internal import Core

extension CPUBackend {
    package mutating func prepare(_ pass: (inout CPUBackend) -> CPURows) {}

    package var runsAhead: Bool { false }

    package mutating func forward(
        _ batch: borrowing Batch,
        choosing requests: borrowing [SamplingRequest],
        _ pass: (inout CPUBackend) -> CPURows
    ) -> CPURows {
        inputs.load(batch)
        return pass(&self)
    }

    package mutating func embed(_ table: CPUMatrix, into x: CPURows) {
        let part = table.parts[0]
        punica_embed(
            pool,
            x.pointer,
            x.width,
            part.bytes.baseAddress,
            part.type.kernelType,
            inputs.tokens,
            inputs.tokenCount,
            x.width
        )
        segments.fill(inputs.segments, members: 1, slots: slots) { adapter, _ in adapter.embedding }
        guard !segments.segments.isEmpty else { return }
        let (hidden, vocabulary) = (x.width, part.shape[0])
        segments.segments.withUnsafeBufferPointer { list in
            punica_embed_lora(
                pool,
                x.pointer,
                x.width,
                inputs.tokens,
                list.baseAddress,
                list.count,
                hidden,
                vocabulary
            )
        }
    }

    package mutating func multiply(
        _ x: CPURows,
        by weight: CPUMatrix,
        bias: CPUVector?,
        target: AdapterTarget,
        into y: CPURows
    ) {
        let rows = rowCount(of: target)
        var column = 0
        for part in weight.parts {
            punica_matmul(
                pool,
                y.pointer + column,
                y.width,
                x.pointer,
                x.width,
                part.bytes.baseAddress,
                part.type.kernelType,
                rows,
                part.shape[0],
                weight.inputs
            )
            column += part.shape[0]
        }
        addLowRank(x, weight, target: target, into: y)
        // After the low-rank update, since DoRA scales what comes before the bias.
        if let bias { punica_add_bias(pool, y.pointer, y.width, bias.pointer, rows, bias.count) }
    }

    private func rowCount(of target: AdapterTarget) -> Int {
        switch target {
        case .projections: inputs.tokenCount
        case .head: inputs.wantedCount
        }
    }

    private mutating func addLowRank(
        _ x: CPURows,
        _ weight: CPUMatrix,
        target: AdapterTarget,
        into y: CPURows
    ) {
        switch target {
        case .projections(let layer, let group):
            guard !inputs.segments.isEmpty else { return }
            let members = group.projections
            segments.fill(inputs.segments, members: members.count, slots: slots) { adapter, member in
                adapter.projections[layer * Projection.allCases.count + members[member].rawValue]
            }
        case .head:
            guard !inputs.wantedSegments.isEmpty else { return }
            segments.fill(inputs.wantedSegments, members: 1, slots: slots) { adapter, _ in adapter.head }
        }
        guard !segments.segments.isEmpty else { return }
        runSGMV(x, weight, into: y)
    }

    private func runSGMV(_ x: CPURows, _ weight: CPUMatrix, into y: CPURows) {
        let (parts, counts, inputCount) = (weight.parts, segments.counts, weight.inputs)
        let (pool, input, inputWidth) = (pool, x.pointer, x.width)
        let (output, outputWidth) = (y.pointer, y.width)
        segments.segments.withUnsafeBufferPointer { list in
            withUnsafeTemporaryAllocation(of: punica_lora_projection.self, capacity: parts.count) { projections in
                var (column, first) = (0, 0)
                for (index, part) in parts.enumerated() {
                    projections.initializeElement(
                        at: index,
                        to: punica_lora_projection(
                            y: output + column,
                            ldy: outputWidth,
                            outputs: part.shape[0],
                            segments: list.baseAddress.map { $0 + first },
                            segment_count: counts[index]
                        )
                    )
                    column += part.shape[0]
                    first += counts[index]
                }
                punica_sgmv(pool, projections.baseAddress, parts.count, input, inputWidth, inputCount)
            }
        }
    }
}
