internal import CUDA
internal import Core
internal import Dispatch
internal import Synchronization

/// The ranks of a model that is split over several GPUs of this machine; they meet in NCCL and in each other's memory.
package struct CUDARanks: Sendable {
    package let count: Int
    private let name: GroupName
    private let desks: Rendezvous<DirectRankSum.Desk>

    /// - Parameter firstGPU: the first rank's; the others have those behind it.
    /// - Throws: `BackendError` when there is no NCCL, or a rank would have no GPU.
    package init(count: Int, firstGPU: Int = 0) throws(BackendError) {
        self.count = count
        desks = Rendezvous(count: count)
        do throws(CUDAError) {
            // A rank that failed later would leave the others waiting for it.
            let found = try Driver().deviceCount()
            guard firstGPU + count <= found else {
                throw CUDAError.noDevice(ordinal: firstGPU + count - 1, count: found)
            }
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

        /// Shows the others what of this rank's memory they read and write, and gets theirs, by rank.
        func exchange(_ desk: DirectRankSum.Desk) -> [DirectRankSum.Desk] { ranks.desks.meet(tpRank, desk) }
    }

    package func member(_ tpRank: Int) -> Member {
        precondition((0..<count).contains(tpRank), "rank \(tpRank) of \(count)")
        return Member(ranks: self, tpRank: tpRank)
    }
}

/// Where each of several threads leaves something for all, once.
private final class Rendezvous<Item: Sendable>: Sendable {
    private let items: Mutex<[Item?]>
    private let missing = DispatchGroup()

    init(count: Int) {
        items = Mutex(Array(repeating: nil, count: count))
        for _ in 0..<count { missing.enter() }
    }

    /// Waits until all have left theirs.
    func meet(_ place: Int, _ item: Item) -> [Item] {
        items.withLock { $0[place] = item }
        missing.leave()
        missing.wait()
        return items.withLock { $0.compactMap(\.self) }
    }
}
