internal import CUDA
internal import Core

/// The kernels of one model on one GPU, compiled for its sizes.
struct CUDAOperations {
    let rows: RowOperations
    let rowAttention: RowAttention
    let tileAttention: TileAttention
    let lowRank: LowRankUpdate
    let streamed: StreamedProducts
    let sampler: DeviceSampler

    /// Compiles all kernels at once, or finds them in the cache.
    init(
        _ context: Context,
        _ driver: Driver,
        shape: ModelShape,
        type: ScalarType,
        limits: BatchLimits,
        blockSize: Int
    ) throws(CUDAError) {
        let compiler = KernelCompiler(try NVRTC(driverVersion: driver.version))
        let defines = [
            "PUNICA_BF16": type == .bfloat16 ? "1" : "0",
            "PUNICA_HEADS": "\(shape.heads)",
            "PUNICA_KV_HEADS": "\(shape.keyValueHeads)",
            "PUNICA_HEAD_SIZE": "\(shape.headSize)",
            "PUNICA_BLOCK_SIZE": "\(blockSize)",
        ]
        let attention = ["attention_rows.cu", "attention_tiles.cu"].map {
            KernelJob(KernelSource(embedded: $0), defines: defines)
        }
        let modules = try compiler.compile(
            [
                RowOperations.jobs(shape, type: type, blockSize: blockSize),
                DeviceSampler.jobs(shape, type: .float32),
                attention,
                LowRankUpdate.jobs(defines),
                StreamedProducts.jobs(context, LowRankGroups(shape), type: type),
            ],
            for: context
        )
        rows = try RowOperations(modules[0], shape: shape)
        sampler = try DeviceSampler(
            context,
            modules[1],
            vocabularySize: shape.vocabularySize,
            sequences: CUDABackend.paddedRows(limits.sequences)
        )
        rowAttention = try RowAttention(context, modules[2][0], shape: shape, limits: limits)
        tileAttention = try TileAttention(modules[2][1], shape: shape)
        lowRank = try LowRankUpdate(context, modules[3], shape: shape, type: type, limits: limits)
        streamed = try StreamedProducts(context, modules[4], groups: lowRank.groups)
    }
}

extension KernelCompiler {
    /// Compiles groups of jobs, all at once.
    ///
    /// - Returns: each group's modules.
    fileprivate func compile(_ groups: [[KernelJob]], for context: Context) throws(CUDAError) -> [[Module]] {
        var modules = try compile(groups.flatMap(\.self), for: context)[...]
        return groups.map { group in
            defer { modules = modules.dropFirst(group.count) }
            return Array(modules.prefix(group.count))
        }
    }
}
