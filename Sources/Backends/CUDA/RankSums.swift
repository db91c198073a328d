internal import CUDA
internal import CUDAKernels
internal import Core

/// The sums that end the halves of a split model's layers, and the tokens that the first rank chooses.
///
/// Few numbers go by way of the other GPUs' memory, many through NCCL.
final class RankSums {
    private let communicator: Communicator
    private let direct: DirectRankSum?

    /// Whether all ranks know the tokens that the first chooses.
    let sharesTokens: Bool

    /// Returns when all ranks are here.
    ///
    /// - Parameters:
    ///   - type: of the numbers that go by way of the other GPUs' memory.
    ///   - tokens: where on this GPU a step's chosen tokens are.
    init(
        _ member: CUDARanks.Member,
        _ context: Context,
        _ settings: CUDASettings,
        type: ScalarType,
        hiddenSize: Int,
        tokens: UInt64
    ) throws(CUDAError) {
        communicator = try member.join(context)
        // NCCL connects the GPUs at the first sum, which must not happen while a graph is recorded.
        let (stream, buffer) = (try Stream(context), try DeviceBuffer(context, byteCount: 256))
        try buffer.fill(0)
        try communicator.sum(buffer.address, into: buffer.address, count: 64, of: .float32, on: stream)
        try stream.synchronize()
        // A rank alone has no neighbour's memory to read.
        let isAlone = member.ranks.count == 1
        direct =
            settings.sumsDirectly && !isAlone
            ? try DirectRankSum(
                member,
                context,
                type: type,
                hiddenSize: hiddenSize,
                tokens: RankTokens(context, address: tokens)
            ) : nil
        sharesTokens = isAlone || direct != nil
    }

    /// Whether so many rows are summed and normalized at once.
    func normalizes(rows: Int) -> Bool { direct?.normalizes(rows: rows) ?? false }

    /// Adds the sum of all ranks' changes to the residual stream and normalizes it; where `normalizes` says so.
    func normalize(_ norm: AddNormalizeParams, rows: Int, on stream: Stream) throws(CUDAError) {
        try direct?.normalize(norm, rows: rows, on: stream)
    }

    /// Marks the end of the choosing of a step's tokens.
    ///
    /// - Parameter step: its number.
    func noteTokens(of step: Int32, on stream: Stream) throws(CUDAError) {
        try direct?.tokens.note(step: step, on: stream)
    }

    /// Lets later work wait until the first rank has chosen a step's tokens, if it did.
    ///
    /// - Returns: where they are; nil if that is this rank's affair.
    func awaitTokens(of step: Int32, on stream: Stream) throws(CUDAError) -> UInt64? {
        try direct?.tokens.wait(forStep: step, on: stream)
    }

    /// Replaces `count` elements by their sums.
    func sum(_ address: UInt64, count: Int, of type: ScalarType, on stream: Stream) throws(CUDAError) {
        if let direct, direct.takes(count, of: type) {
            try direct.sum(address, count: count, on: stream)
        } else {
            try communicator.sum(address, into: address, count: count, of: type, on: stream)
        }
    }

    func checkHealth() throws(CUDAError) { try communicator.checkHealth() }
}
