package import Core
package import Paging

/// Where the adapter of a waiting sequence is.
package enum AdapterPresence: Sendable {
    /// Not on the device, and without room there so far.
    case absent
    /// On its way, with room for the sequence as well when it lands.
    case coming
    /// On the device until the sequence ends; also where a sequence needs none.
    case ready
}

/// A sequence as the scheduler sees it.
///
/// A class, so that the several looks at it in each step copy one reference and not its page table's.
package final class SequenceState {
    package let tokens: TokenList
    package let digest: AdapterDigest?
    package internal(set) var presence: AdapterPresence
    /// Grows with each sequence; smaller is older.
    let arrival: Int
    /// Leading tokens whose keys and values are in the cache.
    package internal(set) var computedCount = 0
    /// nil while the sequence waits.
    package internal(set) var pages: PageTable?

    init(tokens: TokenList, digest: AdapterDigest?, presence: AdapterPresence, arrival: Int) {
        self.tokens = tokens
        self.digest = digest
        self.presence = presence
        self.arrival = arrival
    }

    package var isReady: Bool { presence == .ready }

    /// Known tokens that are yet to be computed.
    var pendingCount: Int { tokens.count - computedCount }
}
