internal import CUDA
internal import CUDAKernels
internal import Core

/// Sums over ranks by reading the other GPUs' memory (rank_sum.cu).
final class DirectRankSum {
    /// A rank's memory that the others read and write.
    struct Desk: Sendable {
        let context: Context
        let staging: UInt64
        let arrivals: UInt64
        let tokens: RankTokens
    }

    /// The first rank's.
    let tokens: RankTokens
    private let kernel: Kernel
    private let type: ScalarType
    private let buffer: DeviceBuffer
    private var parameters = RankSumParams()

    private static let blocks = 64
    /// 2 MiB: beyond it each byte's several trips over the links cost more than NCCL's latency.
    private static let halfElements = 1 << 20
    private static let mostRanks = 8

    /// Returns when all ranks are here.
    ///
    /// - Returns: nil, to all ranks, where some GPU cannot read another's memory.
    init?(_ member: CUDARanks.Member, _ context: Context, type: ScalarType, tokens: RankTokens) throws(CUDAError) {
        let count = member.ranks.count
        guard count <= Self.mostRanks else { return nil }
        let compiler = KernelCompiler(try NVRTC(driverVersion: context.driver.version))
        let defines = ["PUNICA_BF16": type == .bfloat16 ? "1" : "0", "PUNICA_RANKS": "\(count)"]
        let job = KernelJob(KernelSource(embedded: "rank_sum.cu"), defines: defines)
        kernel = try compiler.compile([job], for: context)[0].kernel("punica_rank_sum")
        self.type = type
        let (staging, arrivals) = (2 * 2 * Self.halfElements, 4 * 8 * Self.blocks)
        buffer = try DeviceBuffer(context, byteCount: staging + arrivals + 4 * Self.blocks)
        try buffer.fill(0)
        let desks = member.exchange(
            Desk(
                context: context,
                staging: buffer.address,
                arrivals: buffer.address + UInt64(staging),
                tokens: tokens
            )
        )
        self.tokens = desks[0].tokens
        for (rank, desk) in desks.enumerated() where rank != member.tpRank {
            guard try Self.allRead(desks.map(\.context)) else { return nil }
            try context.openMemory(of: desk.context)
        }
        parameters.staging = Self.eight(desks.map(\.staging))
        parameters.arrivals = Self.eight(desks.map(\.arrivals))
        parameters.epochs = buffer.address + UInt64(staging + arrivals)
        parameters.halfElements = Int64(Self.halfElements)
        parameters.tpRank = Int32(member.tpRank)
    }

    /// Whether so many elements are worth it, and fit.
    func takes(_ count: Int, of type: ScalarType) -> Bool {
        type == self.type && count <= Self.halfElements && count % 8 == 0
    }

    func sum(_ address: UInt64, count: Int, on stream: Stream) throws(CUDAError) {
        var parameters = parameters
        parameters.y = address
        parameters.elementCount = Int64(count)
        try kernel.launch(
            parameters,
            grid: (Self.blocks, 1, 1),
            block: 512,
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
