internal import CUDA
internal import CUDAKernels
internal import Core

/// Sums over ranks by way of the other GPUs' memory: of some rows alone (rank_sum.cu), and of few rows together with the
/// norm that follows (rank_normalize.cu).
final class DirectRankSum {
    /// A rank's memory that the others read and write.
    struct Desk: Sendable {
        let context: Context
        let staging: UInt64
        let arrivals: UInt64
        let words: UInt64
        let tokens: RankTokens
    }

    /// The first rank's.
    let tokens: RankTokens
    private let sum: Kernel
    private let normalization: Kernel
    private let type: ScalarType
    private let hiddenSize: Int
    private let buffer: DeviceBuffer
    /// What other ranks send for a norm, and the numbers of its exchanges.
    private let words: DeviceBuffer
    private var sumParameters = RankSumParams()
    private var normalizeParameters = RankNormalizeParams()

    private static let blocks = 64
    /// Beyond it the words of one exchange take longer over the links than reading the numbers there.
    private static let mostNormalizedRows = 64
    /// 2 MiB: beyond it each byte's several trips over the links cost more than NCCL's latency.
    private static let halfElements = 1 << 20
    private static let mostRanks = 8

    /// Returns when all ranks are here.
    ///
    /// - Returns: nil, to all ranks, where some GPU cannot read another's memory.
    init?(
        _ member: CUDARanks.Member,
        _ context: Context,
        type: ScalarType,
        hiddenSize: Int,
        tokens: RankTokens
    ) throws(CUDAError) {
        let count = member.ranks.count
        guard count <= Self.mostRanks else { return nil }
        let modules = try Self.compile(for: context, type: type, hiddenSize: hiddenSize, count: count)
        sum = try modules[0].kernel("punica_rank_sum")
        normalization = try modules[1].kernel("punica_rank_normalize")
        self.type = type
        self.hiddenSize = hiddenSize
        let (staging, arrivals) = (2 * 2 * Self.halfElements, 4 * 8 * Self.blocks)
        buffer = try Self.zeros(context, byteCount: staging + arrivals + 4 * Self.blocks)
        // Two halves of a word for each two elements, from every rank.
        let wordBytes = Self.mostNormalizedRows * count * hiddenSize * MemoryLayout<UInt64>.size
        words = try Self.zeros(context, byteCount: wordBytes + 4 * Self.mostNormalizedRows)
        let desks = member.exchange(
            Desk(
                context: context,
                staging: buffer.address,
                arrivals: buffer.address + UInt64(staging),
                words: words.address,
                tokens: tokens
            )
        )
        self.tokens = desks[0].tokens
        guard try Self.allRead(desks.map(\.context)) else { return nil }
        for (rank, desk) in desks.enumerated() where rank != member.tpRank { try context.openMemory(of: desk.context) }
        sumParameters.staging = Self.eight(desks.map(\.staging))
        sumParameters.arrivals = Self.eight(desks.map(\.arrivals))
        sumParameters.epochs = buffer.address + UInt64(staging + arrivals)
        sumParameters.halfElements = Int64(Self.halfElements)
        sumParameters.tpRank = Int32(member.tpRank)
        normalizeParameters.words = Self.eight(desks.map(\.words))
        normalizeParameters.epochs = words.address + UInt64(wordBytes)
        normalizeParameters.mostRows = Int32(Self.mostNormalizedRows)
        normalizeParameters.tpRank = Int32(member.tpRank)
    }

    private static func compile(
        for context: Context,
        type: ScalarType,
        hiddenSize: Int,
        count: Int
    ) throws(CUDAError) -> [Module] {
        let defines = [
            "PUNICA_BF16": type == .bfloat16 ? "1" : "0",
            "PUNICA_RANKS": "\(count)",
            "PUNICA_HIDDEN": "\(hiddenSize)",
        ]
        let jobs = ["rank_sum.cu", "rank_normalize.cu"].map { KernelJob(KernelSource(embedded: $0), defines: defines) }
        return try KernelCompiler(try NVRTC(driverVersion: context.driver.version)).compile(jobs, for: context)
    }

    /// Memory that is zero before another GPU can know of it.
    private static func zeros(_ context: Context, byteCount: Int) throws(CUDAError) -> DeviceBuffer {
        let (stream, buffer) = (try Stream(context), try DeviceBuffer(context, byteCount: byteCount))
        try stream.fill(buffer.address, byteCount: byteCount, with: 0)
        try stream.synchronize()
        return buffer
    }

    /// Whether so many elements are worth it, and fit.
    func takes(_ count: Int, of type: ScalarType) -> Bool {
        type == self.type && count <= Self.halfElements && count % 8 == 0
    }

    func sum(_ address: UInt64, count: Int, on stream: Stream) throws(CUDAError) {
        var parameters = sumParameters
        parameters.y = address
        parameters.elementCount = Int64(count)
        try sum.launch(
            parameters,
            grid: (Self.blocks, 1, 1),
            block: 512,
            overlapsPredecessor: true,
            on: stream
        )
    }

    /// Whether so many rows are summed and normalized at once.
    func normalizes(rows: Int) -> Bool { rows <= Self.mostNormalizedRows }

    /// `AddNormalizeParams`, but that all ranks' `delta`, of 16 bits, are added.
    func normalize(_ norm: AddNormalizeParams, rows: Int, on stream: Stream) throws(CUDAError) {
        var parameters = normalizeParameters
        parameters.norm = norm
        try normalization.launch(
            parameters,
            grid: (rows, 1, 1),
            block: min(1024, (hiddenSize / 8 + 31) / 32 * 32),
            overlapsPredecessor: true,
            on: stream
        )
    }

    private static func allRead(_ contexts: [Context]) throws(CUDAError) -> Bool {
        for reader in contexts {
            for owner in contexts where owner.ordinal != reader.ordinal {
                guard try reader.canRead(owner) else { return false }
            }
        }
        return true
    }

    private typealias Eight = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    private static func eight(_ addresses: [UInt64]) -> Eight {
        let all = addresses + Array(repeating: 0, count: 8 - addresses.count)
        return (all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7])
    }
}
