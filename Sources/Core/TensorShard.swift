/// One rank's part of a model that is split over several devices (tensor parallelism, Megatron-LM's scheme).
package struct TensorShard: Sendable, Equatable {
    /// The whole model on one device.
    package static let whole = TensorShard(tpRank: 0, tpCount: 1)

    package let tpRank: Int
    package let tpCount: Int

    /// - Precondition: `0 ≤ tpRank < tpCount`
    package init(tpRank: Int, tpCount: Int) {
        precondition(tpRank >= 0 && tpRank < tpCount, "rank \(tpRank) of \(tpCount)")
        self.tpRank = tpRank
        self.tpCount = tpCount
    }

    package var isWhole: Bool { tpCount == 1 }

    /// This rank's part of `count` neighbours.
    ///
    /// - Precondition: the ranks divide `count`.
    package func range(of count: Int) -> Range<Int> {
        precondition(count % tpCount == 0, "\(tpCount) ranks do not divide \(count)")
        let share = count / tpCount
        return tpRank * share..<(tpRank + 1) * share
    }
}

extension Projection {
    /// How ranks share a projection's weight.
    package enum Split: Sendable {
        /// Each rank has some of the outputs and all inputs: nothing needs to be exchanged before it.
        case outputs
        /// Each rank has some of the inputs, so that ranks' results are to be summed.
        case inputs
    }

    /// Queries, keys, values, gate and up are made where they are used; attention's output and down end in a sum.
    package var split: Split {
        switch self {
        case .query, .key, .value, .gate, .up: .outputs
        case .output, .down: .inputs
        }
    }
}

extension HostTensor {
    /// Some rows of a matrix, or elements of a vector, where they lie.
    package func rows(_ range: Range<Int>) -> HostTensor {
        let rowBytes = bytes.count / max(shape[0], 1)
        return HostTensor(
            type: type,
            shape: [range.count] + shape.dropFirst(),
            bytes: UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound * rowBytes..<range.upperBound * rowBytes]),
            owner: owner
        )
    }

    /// A copy of some columns of a matrix.
    package func columns(_ range: Range<Int>) -> HostTensor {
        precondition(shape.count == 2 && range.upperBound <= shape[1], "columns \(range) of \(shape)")
        let (rowBytes, width) = (shape[1] * type.byteCount, range.count * type.byteCount)
        let memory = HostMemory(byteCount: shape[0] * width)
        for row in 0..<shape[0] {
            let start = row * rowBytes + range.lowerBound * type.byteCount
            UnsafeMutableRawBufferPointer(rebasing: memory.bytes[row * width..<(row + 1) * width])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + width]))
        }
        return memory.tensor(type: type, shape: [shape[0], range.count])
    }

    /// Zeros in this tensor's place.
    package var zeros: HostTensor { HostMemory(byteCount: bytes.count).tensor(type: type, shape: shape) }
}

extension LowRankPair {
    /// One rank's part of a projection's update.
    ///
    /// Where outputs are split, each rank has all of A and its rows of B. Where inputs are split, each has its columns
    /// of A and all of B: `Σ (x·Aᵀ)·Bᵀ` over the ranks is summed with the projection's own results, so that no update
    /// needs a collective of its own.
    package func part(_ shard: TensorShard, of projection: Projection) -> LowRankPair {
        if shard.isWhole { return self }
        switch projection.split {
        case .outputs:
            let range = shard.range(of: b.shape[0])
            return LowRankPair(
                a: a,
                b: b.rows(range),
                scale: scale,
                columnScale: columnScale.map { Array($0[range]) }
            )
        case .inputs:
            return LowRankPair(
                a: a.columns(shard.range(of: a.shape[1])),
                b: b,
                scale: scale,
                columnScale: columnScale
            )
        }
    }

    /// A pair of the same shape as `part` without its numbers, for asking what it takes.
    package func outline(_ shard: TensorShard, of projection: Projection) -> LowRankPair {
        guard !shard.isWhole, projection.split == .inputs else { return part(shard, of: projection) }
        let columns = shard.range(of: a.shape[1]).count
        let bytes = UnsafeRawBufferPointer(rebasing: a.bytes[..<(a.shape[0] * columns * a.type.byteCount)])
        let outline = HostTensor(type: a.type, shape: [a.shape[0], columns], bytes: bytes, owner: a.owner)
        return LowRankPair(a: outline, b: b, scale: scale, columnScale: columnScale)
    }
}
