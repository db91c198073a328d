package import Core

/// The same verbs for tokens kept in an array, which may be a neighbour of the page table in one sequence.
extension KVCache {
    package mutating func startSequence(
        digest: AdapterDigest?,
        tokens: [TokenID]
    ) -> (pages: PageTable, cachedTokens: Int) {
        startSequence(digest: digest, tokens: tokens.span)
    }

    package mutating func commit(_ pages: inout PageTable, tokens: [TokenID], computed: Int) {
        commit(&pages, tokens: tokens.span, computed: computed)
    }
}
