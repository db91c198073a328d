internal import Adapters
internal import Backends
internal import Core
internal import Foundation
internal import Models
internal import Weights

/// A GPU with one model's sizes, weights and adapters, whose operations are timed one by one.
struct KernelSubject: ~Copyable {
    private let bench: KernelBench
    private let shape: ModelConfiguration
    private let rank: Int
    private let projections: [Projection]
    private static let blockSize = 16
    private var device: CUDABackend
    private let slots: [AdapterSlot]
    private let weights: [ProjectionGroup: [CUDABackend.Matrix]]
    private let norm: Norm<CUDABackend.Vector>
    private let rows: Activations

    /// Room for what operations read and write.
    private struct Activations {
        let residual, hidden, delta, qkv, attention, gateUp, gated: CUDABackend.Rows
    }

    init(
        _ bench: KernelBench,
        _ shape: ModelConfiguration,
        _ settings: CUDASettings,
        rank: Int,
        projections: [Projection],
        _ groups: [KernelGroup]
    ) throws {
        let largest = bench.batch.max() ?? 1
        let pages = (bench.context + Self.blockSize) / Self.blockSize
        let limits = BatchLimits(tokens: max(256, largest), sequences: largest, pages: largest * pages)
        var device = try CUDABackend(
            settings,
            shape: shape.shape,
            type: shape.deviceType,
            limits: limits,
            blockSize: Self.blockSize
        )
        let weights = groups.contains(.products) ? Self.makeWeights(shape, on: &device) : [:]
        let rows = Self.makeRows(shape, limits, on: &device)
        let norm = device.makeVector([Self.noise([shape.hiddenSize], type: .float32)])
        device.makeRotaryTables(RotaryTables(shape, positions: bench.context + Self.blockSize))
        let popular = bench.popularity.map { ($0.adapters(rows: largest).max() ?? 0) + 1 }
        let needed = groups.contains { $0.usesAdapters } ? popular.max() ?? 0 : 0
        let room = bench.device.adapterBlocks(shape, rank: rank, count: needed, blockSize: Self.blockSize)
        device.makeKVCache(
            KVShape(
                layers: shape.layerCount,
                blocks: largest * pages + room,
                blockSize: Self.blockSize,
                heads: shape.keyValueHeadCount,
                headSize: shape.headSize
            )
        )
        device.prepareProducts()
        let adapters = try DummyAdapters.make(shape, rank: rank, count: needed, projections: projections)
        let slots = try Self.install(adapters, shape, from: largest * pages, on: &device)
        self.bench = bench
        self.shape = shape
        self.rank = rank
        self.projections = projections
        self.weights = weights
        self.rows = rows
        self.norm = Norm(weight: norm, epsilon: shape.normEpsilon)
        self.slots = slots
        self.device = device
    }

    /// The group's operations at so many rows.
    mutating func time(
        _ group: KernelGroup,
        batch: Int,
        popularity: KernelPopularity
    ) throws -> [KernelTiming] {
        let adapters = group.usesAdapters ? popularity.adapters(rows: batch) : []
        let count = Set(adapters).count
        switch group {
        case .operator:
            return [try time("update hidden-\(rank)-feed-forward", adapters, batch, updates: [.gateUp], count)]
        case .updates:
            var timings = [try time("updates of a layer", adapters, batch, updates: Self.groups, count)]
            for one in Self.groups { timings.append(try time("update \(one)", adapters, batch, updates: [one], count)) }
            return timings
        case .attention: return [try timeAttention(batch)]
        case .products: return try Self.groups.map { try timeProduct($0, batch) }
        case .rows: return try timeRows(batch)
        }
    }

    private static let groups: [ProjectionGroup] = [.queryKeyValue, .output, .gateUp, .down]

    private mutating func time(
        _ name: String,
        _ adapters: [Int],
        _ batch: Int,
        updates: [ProjectionGroup],
        _ count: Int
    ) throws -> KernelTiming {
        let rows = rows
        let times = try measure(batch, adapters: adapters) { device, layer in
            for group in updates {
                let target = AdapterTarget.projections(layer: layer, group)
                switch group {
                case .queryKeyValue: device.update(rows.hidden, target: target, into: rows.qkv)
                case .output: device.update(rows.attention, target: target, into: rows.delta)
                case .gateUp: device.update(rows.hidden, target: target, into: rows.gateUp)
                case .down: device.update(rows.gated, target: target, into: rows.delta)
                }
            }
        }
        var bytes = 0.0
        for group in updates {
            for projection in group.projections where projections.contains(projection) {
                let (outputs, inputs) = shape.projectionShape(projection)
                // Adapters, the input, and the output: twice where it is added to.
                let passes = device.addsUpdates ? 2 : 1
                let numbers = count * rank * (inputs + outputs) + batch * (inputs + passes * outputs)
                bytes += 2 * Double(numbers)
            }
        }
        return KernelTiming(name: name, microseconds: times, bytes: bytes)
    }

    private mutating func timeAttention(_ batch: Int) throws -> KernelTiming {
        let (rows, shape) = (rows, shape)
        let attention = AttentionShape(
            heads: shape.headCount,
            keyValueHeads: shape.keyValueHeadCount,
            headSize: shape.headSize,
            window: nil
        )
        let times = try measure(batch) { device, layer in
            device.appendAndAttend(rows.qkv, layer: layer, shape: attention, into: rows.attention)
        }
        let cached = Double(batch * bench.context) * DecodeBytes.cache(shape) / Double(shape.layerCount)
        return KernelTiming(
            name: "attention",
            microseconds: times,
            bytes: cached + 2 * 2 * Double(batch * shape.headCount * shape.headSize)
        )
    }

    private mutating func timeProduct(_ group: ProjectionGroup, _ batch: Int) throws -> KernelTiming {
        guard let weights = weights[group] else { preconditionFailure("weights were made with the device") }
        let (rows, norm) = (rows, norm)
        // As in a step, but that the first product of a half layer finds its norm complete.
        let times = try measure(batch) { device, layer in
            let weight = weights[layer % weights.count]
            let target = AdapterTarget.projections(layer: layer, group)
            switch group {
            case .queryKeyValue: device.multiply(rows.hidden, by: weight, bias: nil, target: target, into: rows.qkv)
            case .gateUp:
                device.multiplyGated(rows.hidden, by: weight, target: target, through: rows.gateUp, into: rows.gated)
            case .output, .down:
                let x = group == .output ? rows.attention : rows.gated
                device.addAndNormalize(
                    Product(x, by: weight, bias: nil, target: target),
                    through: rows.delta,
                    to: rows.residual,
                    by: norm,
                    into: rows.hidden
                )
            }
        }
        let bytes = group.projections.reduce(0.0) { sum, projection in
            let (outputs, inputs) = shape.projectionShape(projection)
            return sum + 2 * Double(outputs * inputs + batch * (inputs + outputs))
        }
        return KernelTiming(name: "product \(group)", microseconds: times, bytes: bytes)
    }

    private mutating func timeRows(_ batch: Int) throws -> [KernelTiming] {
        let (rows, norm) = (rows, norm)
        let attention = AttentionShape(
            heads: shape.headCount,
            keyValueHeads: shape.keyValueHeadCount,
            headSize: shape.headSize,
            window: nil
        )
        let normalize = try measure(batch) { device, _ in
            device.normalize(rows.residual, adding: rows.delta, by: norm, into: rows.hidden)
        }
        let rotate = try measure(batch) { device, layer in
            device.rotateAndAppend(rows.qkv, layer: layer, shape: attention)
        }
        let gate = try measure(batch) { device, _ in device.gate(rows.gateUp, into: rows.gated) }
        let (hidden, width) = (Double(batch * shape.hiddenSize), Double(batch * shape.shape.queryKeyValueWidth))
        return [
            KernelTiming(name: "add and normalize", microseconds: normalize, bytes: 12 * hidden),
            KernelTiming(name: "rotate and append", microseconds: rotate, bytes: 2 * 2 * width),
            KernelTiming(name: "gate", microseconds: gate, bytes: 2 * 3 * Double(batch * shape.intermediateSize)),
        ]
    }

    /// Microseconds for one layer of what `pass` issues for each.
    private mutating func measure(
        _ batch: Int,
        adapters: [Int] = [],
        _ pass: (inout CUDABackend, _ layer: Int) -> Void
    ) throws -> [Double] {
        let (step, layers) = (step(batch, adapters), shape.layerCount)
        let times = try device.time(step, replays: bench.replays, updatesAlone: true) { device in
            for layer in 0..<layers { pass(&device, layer) }
        }
        return times.map { $0 * 1000 / Double(layers) }
    }

    /// One row for each sequence, at the end of its context.
    private func step(_ count: Int, _ adapters: [Int]) -> Batch {
        var batch = Batch()
        let pages = (bench.context + Self.blockSize) / Self.blockSize
        for sequence in 0..<count {
            batch.tokens.append(TokenID(1))
            batch.positions.append(Int32(bench.context - 1))
            batch.kvPositions.append(Int32(sequence * pages * Self.blockSize + bench.context - 1))
            let used = (bench.context + Self.blockSize - 1) / Self.blockSize
            for page in 0..<used { batch.pageIndices.append(Int32(sequence * pages + page)) }
            batch.closeSequence(slot: adapters.isEmpty ? nil : slots[adapters[sequence]], wantsToken: true)
        }
        return batch
    }

    private static func install(
        _ adapters: [LoadedAdapter],
        _ shape: ModelConfiguration,
        from firstBlock: Int,
        on device: inout CUDABackend
    ) throws -> [AdapterSlot] {
        var next = firstBlock
        var slots: [AdapterSlot] = []
        for adapter in adapters {
            let weights = AdapterWeights(adapter, layerCount: shape.layerCount)
            let needed = device.footprint(of: weights).blocks
            let blocks = (next..<next + needed).map { BlockID(Int32($0)) }
            next += needed
            guard let slot = device.install(weights, in: blocks) else { throw BenchError.noSlot }
            while try !device.hasLanded(slot) { usleep(50) }
            slots.append(slot)
        }
        return slots
    }

    /// Weights of a few layers, more than the cache holds.
    private static func makeWeights(
        _ shape: ModelConfiguration,
        on device: inout CUDABackend
    ) -> [ProjectionGroup: [CUDABackend.Matrix]] {
        var weights: [ProjectionGroup: [CUDABackend.Matrix]] = [:]
        for group in groups {
            let parts = group.projections.map { projection in
                let (outputs, inputs) = shape.projectionShape(projection)
                return noise([outputs, inputs], type: shape.deviceType)
            }
            weights[group] = (0..<6).map { number in
                device.makeMatrix(parts, for: .projections(layer: number % shape.layerCount, group))
            }
        }
        return weights
    }

    private static func makeRows(
        _ shape: ModelConfiguration,
        _ limits: BatchLimits,
        on device: inout CUDABackend
    ) -> Activations {
        Activations(
            residual: device.makeRows(limits.tokens, width: shape.hiddenSize, .residual),
            hidden: device.makeRows(limits.tokens, width: shape.hiddenSize, .inputs),
            delta: device.makeRows(limits.tokens, width: shape.hiddenSize, .activations),
            qkv: device.makeRows(limits.tokens, width: shape.shape.queryKeyValueWidth, .activations),
            attention: device.makeRows(limits.tokens, width: shape.headCount * shape.headSize, .inputs),
            gateUp: device.makeRows(limits.tokens, width: 2 * shape.intermediateSize, .activations),
            gated: device.makeRows(limits.tokens, width: shape.intermediateSize, .inputs)
        )
    }

    /// Small numbers that are no zeros: zeros run faster than real data.
    private static func noise(_ dimensions: [Int], type: ScalarType) -> HostTensor {
        let count = dimensions.reduce(1, *)
        let memory = HostMemory(byteCount: count * type.byteCount)
        var state: UInt64 = 1
        for index in 0..<count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = (Float(state >> 40) / Float(1 << 24) - 0.5) / 16
            switch type {
            case .float32: memory.bytes.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
            case .float16: memory.bytes.storeBytes(of: Float16(value), toByteOffset: 2 * index, as: Float16.self)
            case .bfloat16:
                let bits = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
                memory.bytes.storeBytes(of: bits, toByteOffset: 2 * index, as: UInt16.self)
            }
        }
        return memory.tensor(type: type, shape: dimensions)
    }
}
