internal import CUDA
internal import Core

/// The ranks of a model that is split over several GPUs of this machine; they meet in NCCL.
package struct CUDARanks: Sendable {
    package let count: Int
    private let name: GroupName

    /// - Throws: `BackendError` when there is no NCCL.
    package init(count: Int) throws(BackendError) {
        self.count = count
        do throws(CUDAError) {
            name = try NCCL().makeGroupName()
        } catch {
            throw BackendError(error.description)
        }
    }

    /// One rank's end; its backend waits until all ranks have one.
    package struct Member: Sendable {
        let ranks: CUDARanks
        package let tpRank: Int

        func join(_ context: Context) throws(CUDAError) -> Communicator {
            try Communicator(context, NCCL(), group: ranks.name, rank: tpRank, rankCount: ranks.count)
        }
    }

    package func member(_ tpRank: Int) -> Member {
        precondition((0..<count).contains(tpRank), "rank \(tpRank) of \(count)")
        return Member(ranks: self, tpRank: tpRank)
    }
}
