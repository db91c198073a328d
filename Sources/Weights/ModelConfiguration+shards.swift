package import Core

extension ModelConfiguration {
    /// The sizes of one rank's part: its heads and its share of the feed-forward, everything else whole.
    ///
    /// - Throws: `WeightsError.outOfBounds` when the ranks do not divide the key/value heads or the feed-forward.
    package func part(_ shard: TensorShard) throws(WeightsError) -> ModelConfiguration {
        for (key, count) in [("num_key_value_heads", keyValueHeadCount), ("intermediate_size", intermediateSize)]
        where count % shard.tpCount != 0 {
            throw .outOfBounds(
                file: "config.json",
                key: key,
                value: "\(count)",
                bound: "a multiple of the \(shard.tpCount) ranks of --tensor-parallel"
            )
        }
        var part = self
        part.headCount /= shard.tpCount
        part.keyValueHeadCount /= shard.tpCount
        part.intermediateSize /= shard.tpCount
        return part
    }
}

extension Checkpoint {
    /// One rank's part: every tensor in the shape that the part of `configuration` wants.
    package func part(_ shard: TensorShard) -> Checkpoint {
        precondition(self.shard.isWhole, "a part of a part")
        var part = self
        part.shard = shard
        return part
    }

    /// What a rank takes of a tensor; biases after a sum are added by the first rank alone.
    ///
    /// - Precondition: the whole tensor has the shape that `validate` wants.
    func cut(_ tensor: HostTensor, named name: String) -> HostTensor {
        guard !shard.isWhole, let projection = Self.projection(of: name) else { return tensor }
        switch projection.split {
        case .outputs: return tensor.rows(shard.range(of: tensor.shape[0]))
        case .inputs where name.hasSuffix(".bias"): return shard.tpRank == 0 ? tensor : tensor.zeros
        case .inputs: return tensor.columns(shard.range(of: tensor.shape[1]))
        }
    }

    /// The shape of a whole tensor of which `cut` leaves `part`.
    ///
    /// - Parameter part: from a configuration, `[outputs, inputs]` or `[outputs]`.
    func uncutShape(_ part: [Int], of name: String) -> [Int] {
        guard !shard.isWhole, let projection = Self.projection(of: name) else { return part }
        var shape = part
        switch projection.split {
        case .outputs: shape[0] *= shard.tpCount
        case .inputs: if shape.count == 2 { shape[1] *= shard.tpCount }
        }
        return shape
    }

    private static func projection(of name: String) -> Projection? {
        guard name.hasPrefix("model.layers.") else { return nil }
        return Projection.allCases.first { name.contains("." + ModelConfiguration.modulePath($0) + ".") }
    }
}
