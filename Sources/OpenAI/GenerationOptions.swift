package import Core

/// What both generating endpoints share: how to sample, when to stop, how to answer.
///
/// Every value is in range.
package struct GenerationOptions: Sendable, Equatable {
    /// `seed` is 0 here; see the property below.
    package var sampling = SamplingParameters()
    /// The caller's seed; nil asks for a fresh one.
    package var seed: UInt64?
    /// At least 1; nil takes the endpoint's default.
    package var maxTokens: Int?
    package var minTokens = 0
    /// At most `RequestLimits.stops`, none empty.
    package var stops: [String] = []
    package var includesStop = false
    package var stopTokenIDs: [TokenID] = []
    package var ignoresEndOfSequence = false
    package var skipsSpecialTokens = true
    /// `RequestLimits.choices`.
    package var choiceCount = 1
    package var isStreaming = false
    /// Whether a stream ends with a chunk that holds usage; false if not streaming.
    package var streamsUsage = false

    package init() {}
}
