internal import CUDA
package import Core
internal import Sampling

/// The operations on one NVIDIA GPU, in bfloat16 or float16 with float32 sums.
///
/// Operations are issued to a stream and return at once. The first error stays: what follows it is skipped, and
/// `takeSamples` throws it. Steps in which every sequence decodes run as graphs, recorded once for each number of rows and
/// each way of low-rank updates (`StepUpdates`); padding rows fill a graph up.
package struct CUDABackend: Backend, ~Copyable {
    package typealias Matrix = CUDAMatrix
    package typealias Vector = CUDAVector
    package typealias Rows = CUDARows

    let context: Context
    let settings: CUDASettings
    let shape: ModelShape
    let limits: BatchLimits
    /// Of weights and activations.
    let type: ScalarType
    let stream: Stream
    let memory: DeviceMemory
    let dense: DenseProduct
    /// With the other ranks of a split model.
    let rankSums: RankSums?
    let operations: CUDAOperations
    /// Whether weights, and rows that products read, have room for columns.
    let servesColumns: Bool
    var step: StepBuffer
    var slots: CUDAAdapterSlots?
    /// Of steps whose updates run beside their products.
    var branch: UpdateBranch?
    var cache: CUDACache?
    var rotary: (cosines: CUDAVector, sines: CUDAVector)?
    var graphs: StepGraphs
    /// What the operations being issued cover.
    var extent = StepExtent()
    var undivided = UndividedRows()
    var pendingUpdates = PendingUpdates()
    let faults = Faults()
    /// Every dense weight, for timing products on real ones.
    var weights: [CUDAMatrix] = []
    private let uploader: WeightUploader

    /// Takes a GPU for this thread, and compiles its kernels.
    ///
    /// - Parameters:
    ///   - shape: of this rank's part.
    ///   - type: of weights and activations: `bfloat16` or `float16`.
    ///   - ranks: the place among the ranks of a split model, which all wait here for each other; nil for a whole one.
    /// - Throws: `BackendError` when there is no GPU or CUDA, or a kernel does not compile.
    package init(
        _ settings: CUDASettings,
        shape: ModelShape,
        type: ScalarType,
        limits: BatchLimits,
        blockSize: Int,
        ranks: CUDARanks.Member? = nil
    ) throws(BackendError) {
        let parts: CUDAParts
        do throws(CUDAError) {
            parts = try CUDAParts(settings, shape: shape, type: type, limits: limits, blockSize: blockSize)
            rankSums = try ranks.map { (member) throws(CUDAError) in
                try RankSums(
                    member,
                    parts.context,
                    settings,
                    type: type,
                    hiddenSize: shape.hiddenSize,
                    tokens: parts.operations.sampler.tokens
                )
            }
        } catch {
            throw BackendError(error.description)
        }
        self.settings = settings
        self.shape = shape
        self.limits = limits
        self.type = type
        context = parts.context
        operations = parts.operations
        servesColumns = LowRankColumns.serve(parts.operations.lowRank.groups, type: type)
        stream = parts.stream
        dense = parts.dense
        step = parts.step
        uploader = parts.uploader
        memory = DeviceMemory(parts.context)
        graphs = StepGraphs(largest: limits.sequences)
    }

    /// The GPU's name.
    package var deviceName: String { context.name }

    package mutating func makeMatrix(_ parts: [HostTensor], for target: AdapterTarget?) -> CUDAMatrix {
        precondition(!parts.isEmpty && parts.allSatisfy { $0.shape.count == 2 && $0.shape[1] == parts[0].shape[1] })
        let outputs = parts.reduce(0) { $0 + $1.shape[0] }
        let inputs = parts[0].shape[1]
        let pitch = inputs + (servesColumns ? target.map { LowRankColumns.weightRoom(for: $0) } ?? 0 : 0)
        let address = allocate(2 * outputs * pitch)
        let matrix = CUDAMatrix(address: address, outputs: outputs, inputs: inputs, pitch: pitch)
        var end = matrix.address
        for part in parts {
            let address = end
            faults.attempt { () throws(CUDAError) in try uploader.upload(part, as: type, to: address, pitch: pitch) }
            end += UInt64(2 * part.shape[0] * pitch)
        }
        weights.append(matrix)
        if let target { operations.lowRank.columnWeights.note(matrix, for: target) }
        return matrix
    }

    package mutating func makeVector(_ parts: [HostTensor]) -> CUDAVector {
        makeVector(parts.flatMap(\.floats))
    }

    private mutating func makeVector(_ numbers: [Float]) -> CUDAVector {
        let address = allocate(4 * numbers.count)
        faults.attempt { () throws(CUDAError) in
            let stream = stream
            let outcome = numbers.withUnsafeBytes { bytes in
                Result { () throws(CUDAError) in
                    try stream.copy(bytes, to: address)
                    try stream.synchronize()
                }
            }
            try outcome.get()
        }
        return CUDAVector(address: address, count: numbers.count)
    }

    package mutating func makeRows(_ count: Int, width: Int, _ kind: RowsKind) -> CUDARows {
        // Every layer adds to the residual stream: rounded each time it would be the least exact of all numbers.
        let type = kind == .activations || kind == .inputs ? type : ScalarType.float32
        // Products run over whole tiles of rows.
        let padded = Self.paddedRows(count)
        let pitch = width + (kind == .inputs && servesColumns ? LowRankColumns.inputRoom : 0)
        let address = allocate(padded * pitch * type.byteCount)
        return CUDARows(address: address, count: padded, width: width, pitch: pitch, type: type)
    }

    /// Rows that a product of this many is computed over.
    static func paddedRows(_ count: Int) -> Int {
        StepGraphs.buckets.first { $0 >= count } ?? (count + 31) / 32 * 32
    }

    package mutating func makeRotaryTables(_ tables: RotaryTables) {
        rotary = (makeVector(tables.cosines), makeVector(tables.sines))
    }

    package mutating func makeKVCache(_ shape: KVShape) {
        precondition(cache == nil, "the KV cache is made once")
        let cache = CUDACache(shape, address: allocate(shape.blocks * CUDACache.blockBytes(shape)))
        self.cache = cache
        faults.attempt { () throws(CUDAError) in
            try uploader.finish()
            try operations.lowRank.columnWeights.finish(on: stream)
            let copier = AdapterCopier(context: context, pinnedBytes: settings.pinnedBytes, type: type)
            slots = try CUDAAdapterSlots(
                context: context,
                capacity: settings.adapterSlots,
                entriesPerSlot: shape.layers * Projection.allCases.count + 2,
                blockBytes: CUDACache.blockBytes(shape),
                copier: copier
            )
            branch = try UpdateBranch(
                context,
                rows: Self.paddedRows(limits.tokens),
                width: operations.lowRank.groups.mostOutputs
            )
            try stream.fill(cache.address, byteCount: shape.blocks * CUDACache.blockBytes(shape), with: 0)
            try stream.synchronize()
        }
    }

    /// Takes device memory; the address is 0 after a failure, and nothing uses it then.
    private mutating func allocate(_ byteCount: Int) -> UInt64 {
        var address: UInt64 = 0
        faults.attempt { () throws(CUDAError) in address = try memory.allocate(byteCount: byteCount) }
        return address
    }

}

/// What of a backend can fail to be made.
private struct CUDAParts {
    let context: Context
    let operations: CUDAOperations
    let stream: Stream
    let dense: DenseProduct
    let step: StepBuffer
    let uploader: WeightUploader

    init(
        _ settings: CUDASettings,
        shape: ModelShape,
        type: ScalarType,
        limits: BatchLimits,
        blockSize: Int
    ) throws(CUDAError) {
        let driver = try Driver()
        context = try Context(driver, ordinal: settings.ordinal)
        operations = try CUDAOperations(
            context,
            driver,
            shape: shape,
            type: type,
            limits: limits,
            blockSize: blockSize
        )
        stream = try Stream(context, priority: .high)
        dense = try DenseProduct.standard(context, driver)
        step = try StepBuffer(context, StepLayout(limits: limits))
        uploader = try WeightUploader(context)
    }
}

extension HostTensor {
    /// The elements in float32.
    fileprivate var floats: [Float] {
        (0..<elementCount).map { index in
            switch type {
            case .float32: bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
            case .float16: Float(bytes.loadUnaligned(fromByteOffset: 2 * index, as: Float16.self))
            case .bfloat16:
                Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
            }
        }
    }
}

extension DenseProduct {
    /// With the algorithms that were chosen before on this kind of GPU.
    fileprivate static func standard(_ context: Context, _ driver: Driver) throws(CUDAError) -> DenseProduct {
        let library = try CUBLASLt(driverVersion: driver.version)
        guard let directory = KernelCache.standardDirectory() else { return try DenseProduct(context, library) }
        let choices = DenseChoices(directory: directory, gpu: context.name, version: library.version)
        return try DenseProduct(context, library, choices: choices)
    }
}
