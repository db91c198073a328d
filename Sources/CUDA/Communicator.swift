internal import CCUDA
package import Core

/// This process's (or thread's) place in a group of ranks, each with a GPU of its own.
///
/// Every rank makes the same calls in the same order. Work is issued to a stream and may be captured.
package final class Communicator {
    package let context: Context
    package let rank: Int
    package let rankCount: Int
    private let nccl: NCCL
    private let handle: ncclComm_t

    /// Joins a group; returns when all ranks have.
    package init(
        _ context: Context,
        _ nccl: NCCL,
        group: GroupName,
        rank: Int,
        rankCount: Int
    ) throws(CUDAError) {
        precondition(rank >= 0 && rank < rankCount, "rank \(rank) of \(rankCount)")
        assert(context.isCurrent)
        var handle: ncclComm_t?
        let result = nccl.functions.commInitRank(&handle, Int32(rankCount), group.id, Int32(rank))
        try nccl.check(result, "ncclCommInitRank")
        guard let handle else { preconditionFailure("ncclCommInitRank succeeded without a communicator") }
        self.context = context
        self.nccl = nccl
        self.handle = handle
        self.rank = rank
        self.rankCount = rankCount
    }

    deinit { context.release { _ in nccl.functions.commDestroy(handle) } }

    /// Replaces every rank's elements by their sum over the ranks. `source` and `target` may be the same.
    package func sum(
        _ source: UInt64,
        into target: UInt64,
        count: Int,
        of type: ScalarType,
        on stream: Stream
    ) throws(CUDAError) {
        let result = nccl.functions.allReduce(
            source,
            target,
            count,
            type.ncclType,
            Int32(ncclSum),
            handle,
            stream.handle
        )
        try nccl.check(result, "ncclAllReduce")
    }

    /// Joins every rank's `count` elements, by rank. `target` has room for `count · rankCount`.
    package func gather(
        _ source: UInt64,
        into target: UInt64,
        count: Int,
        of type: ScalarType,
        on stream: Stream
    ) throws(CUDAError) {
        let result = nccl.functions.allGather(source, target, count, type.ncclType, handle, stream.handle)
        try nccl.check(result, "ncclAllGather")
    }

    /// Throws what went wrong in work that was already issued, on this rank or another.
    package func checkHealth() throws(CUDAError) {
        var state: ncclResult_t = 0
        try nccl.check(nccl.functions.commGetAsyncError(handle, &state), "ncclCommGetAsyncError")
        try nccl.check(state, "a collective of NCCL")
    }
}

extension ScalarType {
    fileprivate var ncclType: Int32 {
        switch self {
        case .float32: Int32(ncclFloat32)
        case .float16: Int32(ncclFloat16)
        case .bfloat16: Int32(ncclBfloat16)
        }
    }
}
