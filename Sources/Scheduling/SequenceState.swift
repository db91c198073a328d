package import Core
internal import Paging

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
/// A class, so that the several looks at it in each step copy one reference and not its page table's. What changes is
/// this module's alone: where another could get at it, each access would be checked at run time.
package final class SequenceState {
    package let tokens: TokenList
    package let digest: AdapterDigest?
    var presence: AdapterPresence
    /// Grows with each sequence; smaller is older.
    let arrival: Int
    /// Leading tokens whose keys and values are in the cache, or will be after the steps issued so far.
    var computedCount = 0
    /// How many of the last tokens stand for ones that issued steps are yet to choose.
    var awaitedCount = 0
    /// nil while the sequence waits.
    var pages: PageTable?

    init(tokens: TokenList, digest: AdapterDigest?, presence: AdapterPresence, arrival: Int) {
        self.tokens = tokens
        self.digest = digest
        self.presence = presence
        self.arrival = arrival
    }

    package var isReady: Bool { presence == .ready }
    package var isRunning: Bool { pages != nil }
    /// Where its keys and values lie, in the order of its tokens; empty while it waits.
    package var blocks: [BlockID] { pages?.blocks ?? [] }

    /// Tokens that no step issued so far computes.
    var pendingCount: Int { tokens.count - computedCount }
    /// Leading tokens that are both known and computed.
    var settledCount: Int { min(computedCount, tokens.count - awaitedCount) }
}
