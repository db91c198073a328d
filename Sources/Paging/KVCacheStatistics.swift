/// What the prefix cache has done since the start.
///
/// Counts only grow.
package struct KVCacheStatistics: Sendable, Equatable {
    /// Tokens of all sequences started.
    package var queriedTokens = 0
    /// Those of them that were found and need not be computed.
    package var hitTokens = 0

    package init() {}
}
