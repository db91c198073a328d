internal import Backends

/// All ranks of a split model but the first, as the first sees them. Belongs to the first rank's thread.
final class OtherRanks {
    let threads: [RankThread]
    /// What went wrong on any rank. From then on none is asked anything but to end: a rank that waits for one that
    /// failed may never answer.
    private(set) var failure: BackendError?

    /// How long to wait at the end for ranks whose device may be stuck.
    private static var endSeconds: Double { 10 }

    init(threads: [RankThread]) { self.threads = threads }

    /// Returns when the ranks' runners are gone, and with them their devices' memory.
    deinit {
        give(.end)
        for thread in threads { thread.waitForEnd(atMost: Self.endSeconds) }
    }

    func give(_ order: RankOrder) {
        for thread in threads { thread.give(order) }
    }

    /// Does what can fail on any rank, unless something has failed already.
    func attempt<Result>(_ body: () throws(BackendError) -> Result) throws(BackendError) -> Result {
        if let failure { throw failure }
        do throws(BackendError) {
            return try body()
        } catch {
            failure = error
            throw error
        }
    }

    /// Waits for the answers to an order, but behind a failure for no more: that rank's neighbours may never answer.
    ///
    /// - Returns: false if a rank's adapter has not landed.
    func takeAnswers() throws(BackendError) -> Bool {
        var hasLanded = true
        for thread in threads {
            switch thread.takeAnswer() {
            case .failed(let error): throw BackendError("another rank failed: \(error)")
            case .landed(false): hasLanded = false
            case .landed, .done, .slot: break
            }
        }
        return hasLanded
    }
}
