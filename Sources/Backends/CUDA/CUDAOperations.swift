internal import CUDA
internal import Core

/// The kernels of one model on one GPU, compiled for its sizes.
struct CUDAOperations {
    let rows: RowOperations
    let rowAttention: RowAttention
    let tileAttention: TileAttention
    let lowRank: LowRankUpdate
    let streamed: StreamedProducts
    let wide: WideProducts
    let sampler: DeviceSampler

    /// Compiles all kernels at once, or finds them in the cache.
    init(
        _ context: Context,
        _ driver: Driver,
        _ settings: CUDASettings,
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
        let updates = LowRankUpdate.jobs(defines)
        let streams = StreamedProducts.jobs(context, LowRankGroups(shape), type: type)
        let geometries = WideProducts.geometries(context, LowRankGroups(shape), settings.wideProducts)
        let jobs =
            RowOperations.jobs(shape, type: type, blockSize: blockSize) + [DeviceSampler.job(shape, type: .float32)]
            + attention + updates + streams + WideProducts.jobs(geometries, type: type)
        let modules = try compiler.compile(jobs, for: context)
        rows = try RowOperations(Array(modules[0..<2]), shape: shape)
        sampler = try DeviceSampler(
            context,
            modules[2],
            vocabularySize: shape.vocabularySize,
            sequences: CUDABackend.paddedRows(limits.sequences)
        )
        rowAttention = try RowAttention(context, modules[3], shape: shape, limits: limits)
        tileAttention = try TileAttention(modules[4], shape: shape, limits: limits)
        let rest = modules[5...]
        lowRank = try LowRankUpdate(
            context,
            Array(rest.prefix(updates.count)),
            shape: shape,
            type: type,
            limits: limits
        )
        streamed = try StreamedProducts(
            context,
            Array(rest.dropFirst(updates.count).prefix(streams.count)),
            groups: lowRank.groups
        )
        wide = try WideProducts(context, geometries, Array(rest.dropFirst(updates.count + streams.count)))
    }
}
