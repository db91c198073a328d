internal import Adapters
internal import Backends
internal import Core
internal import Scheduling

/// A request being served: what the engine knows beyond the scheduler's share.
///
/// A class, so that the several looks at it in each step copy one reference and not all of the request's.
final class EngineSequence {
    let request: GenerationRequest
    let tokens: TokenList
    /// nil for the base, and while the adapter is not on the device.
    var slot: AdapterSlot?
    /// What its adapter takes of the device's blocks.
    let footprint: AdapterFootprint
    /// Tokens that it may grow to: the model's bound, or what fits beside its adapter.
    let maxLength: Int

    init(_ submission: Submission, footprint: AdapterFootprint, maxLength: Int) {
        self.footprint = footprint
        self.maxLength = maxLength
        request = submission.request
        tokens = TokenList(request.prompt + request.generated)
    }

    var generatedCount: Int { tokens.count - request.prompt.count }

    /// Stop ids, as long as too few tokens are out to stop.
    var banned: [TokenID] { generatedCount < request.stop.minTokens ? request.stop.tokenIDs : [] }

    /// Whether the sequence ends with `token`, which is already appended.
    func finishReason(after token: TokenID) -> FinishReason? {
        if let reason = request.stop.reason(toEndWith: token, generatedCount: generatedCount) { return reason }
        return tokens.count >= maxLength ? .length : nil
    }
}

/// A request on its way into an engine, with the way that its events go.
struct Submission: Sendable {
    let request: GenerationRequest
    let events: EventSender
}
