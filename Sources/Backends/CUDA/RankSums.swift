internal import CUDA
internal import Core

/// The sums that end the halves of a split model's layers.
///
/// Few numbers are read straight from the other GPUs, many go through NCCL.
final class RankSums {
    private let communicator: Communicator
    private let direct: DirectRankSum?

    /// Returns when all ranks are here.
    init(_ member: CUDARanks.Member, _ context: Context, _ settings: CUDASettings, type: ScalarType)
        throws(CUDAError)
    {
        communicator = try member.join(context)
        // NCCL connects the GPUs at the first sum, which must not happen while a graph is recorded.
        let (stream, buffer) = (try Stream(context), try DeviceBuffer(context, byteCount: 256))
        try buffer.fill(0)
        try communicator.sum(buffer.address, into: buffer.address, count: 64, of: .float32, on: stream)
        try stream.synchronize()
        // A rank alone has no neighbour's memory to read.
        direct = settings.sumsDirectly && member.ranks.count > 1 ? try DirectRankSum(member, context, type: type) : nil
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
