internal import CPUKernels
package import Core
internal import Sampling

/// The operations on the processor's cores, in float32, with weights used where they lie.
///
/// A row's result depends on that row alone, bit for bit: not on the batch, the chunking or the number of threads.
package struct CPUBackend: Backend, ~Copyable {
    package typealias Matrix = CPUMatrix
    package typealias Vector = CPUVector
    package typealias Rows = CPURows

    let pool: OpaquePointer
    var arena = FloatArena()
    var inputs: StepInputs
    var keys: [UnsafeMutablePointer<Float>] = []
    var values: [UnsafeMutablePointer<Float>] = []
    var kvShape = KVShape(layers: 0, blocks: 0, blockSize: 1, heads: 0, headSize: 0)
    var cosines: CPUVector?
    var sines: CPUVector?
    var slots = CPUAdapterSlots()
    var segments = SegmentScratch()
    var sampler: Sampler
    /// What the step has chosen.
    var samples: [SampledToken?] = []
    let ranks: HostRanks.Member?

    /// - Parameters:
    ///   - threads: threads of the pool, the caller's included; `1 ... 1024`.
    ///   - vocabularySize: logits in a row.
    ///   - ranks: the place among the ranks of a split model; nil for a whole one.
    package init(limits: BatchLimits, vocabularySize: Int, threads: Int, ranks: HostRanks.Member? = nil) {
        self.ranks = ranks
        guard let pool = punica_pool_create(Int32(threads)) else {
            preconditionFailure("cannot start \(threads) threads")
        }
        self.pool = pool
        inputs = StepInputs(limits: limits)
        sampler = Sampler(vocabularySize: vocabularySize)
    }

    deinit { punica_pool_destroy(pool) }

    package mutating func makeMatrix(_ parts: [HostTensor], for target: AdapterTarget?) -> CPUMatrix {
        CPUMatrix(parts: parts)
    }

    package mutating func makeVector(_ parts: [HostTensor]) -> CPUVector {
        let count = parts.reduce(0) { $0 + $1.elementCount }
        let pointer = arena.allocate(count)
        var offset = 0
        for part in parts {
            punica_to_float(pointer + offset, part.bytes.baseAddress, part.type.kernelType, part.elementCount)
            offset += part.elementCount
        }
        return CPUVector(pointer: pointer, count: count)
    }

    package mutating func makeRows(_ count: Int, width: Int, _ kind: RowsKind) -> CPURows {
        CPURows(pointer: arena.allocate(count * width), count: count, width: width)
    }

    package mutating func makeKVCache(_ shape: KVShape) {
        precondition(keys.isEmpty, "the KV cache is made once")
        kvShape = shape
        let count = shape.blocks * shape.heads * shape.blockSize * shape.headSize
        for _ in 0..<shape.layers {
            keys.append(arena.allocate(count))
            values.append(arena.allocate(count))
        }
    }

    package mutating func makeRotaryTables(_ tables: RotaryTables) {
        cosines = copy(tables.cosines)
        sines = copy(tables.sines)
    }

    private mutating func copy(_ numbers: [Float]) -> CPUVector {
        let pointer = arena.allocate(numbers.count)
        pointer.update(from: numbers, count: numbers.count)
        return CPUVector(pointer: pointer, count: numbers.count)
    }

    /// Nothing: weights are used where they lie in the host's memory.
    package func footprint(of adapter: AdapterWeights) -> AdapterFootprint { .none }

    package mutating func install(_ adapter: AdapterWeights, in blocks: [BlockID]) -> AdapterSlot? {
        slots.install(adapter)
    }

    package mutating func hasLanded(_ slot: AdapterSlot) -> Bool { true }

    package mutating func remove(_ slot: AdapterSlot) { slots.remove(slot) }
}

/// One or more dense weights `[outputs, inputs]`, stacked in name only: each part stays where it was loaded.
package struct CPUMatrix {
    let parts: [HostTensor]
    let inputs: Int

    init(parts: [HostTensor]) {
        precondition(!parts.isEmpty && parts.allSatisfy { $0.shape.count == 2 && $0.shape[1] == parts[0].shape[1] })
        self.parts = parts
        inputs = parts[0].shape[1]
    }
}

/// Numbers in the backend's memory; valid while the backend lives.
package struct CPUVector {
    let pointer: UnsafeMutablePointer<Float>
    let count: Int
}

/// Rows of activations in the backend's memory; valid while the backend lives.
package struct CPURows {
    let pointer: UnsafeMutablePointer<Float>
    let count: Int
    let width: Int

    /// The numbers of one row.
    package func copy(row: Int) -> [Float] {
        precondition(row < count, "row \(row) of \(count)")
        return Array(UnsafeBufferPointer(start: pointer + row * width, count: width))
    }
}

extension ScalarType {
    var kernelType: punica_scalar {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        }
    }
}
