internal import Adapters
internal import Backends
internal import Core
internal import Scheduling

/// A request being served: what the engine knows beyond the scheduler's share.
///
/// A class, so that the several looks at it in each step copy one reference and not all of the request's.
final class EngineSequence {
    let id: RequestID
    let promptCount: Int
    /// Prompt and output so far; at the end one for each token that steps under way are yet to choose.
    let tokens: TokenList
    let sampling: SamplingParameters
    let stop: StopConditions
    /// The adapter's; nil for the base.
    let digest: AdapterDigest?
    /// The hold on the adapter in the host's memory, until the last event takes it along.
    private(set) var lease: AdapterLease?
    /// nil for the base, and while the adapter is not on the device.
    var slot: AdapterSlot?
    /// What its adapter takes of the device's blocks.
    let footprint: AdapterFootprint
    /// Tokens that it may grow to: the model's bound, or what fits beside its adapter.
    let maxLength: Int
    /// Steps with it that are under way.
    var flightCount = 0
    /// Whether its last event is out, and only steps under way keep it.
    var hasEnded = false

    init(_ submission: Submission, footprint: AdapterFootprint, maxLength: Int) {
        self.footprint = footprint
        self.maxLength = maxLength
        let request = submission.request
        id = request.id
        promptCount = request.prompt.count
        tokens = TokenList(request.prompt + request.generated)
        sampling = request.sampling
        stop = request.stop
        lease = request.adapter
        digest = request.adapter?.adapter.digest
    }

    func takeLease() -> AdapterLease? { lease.take() }

    /// Of a sequence of so many tokens, how many are not the prompt's.
    func generatedCount(of count: Int) -> Int { count - promptCount }

    /// Stop ids, as long as too few tokens are there to stop.
    var banned: [TokenID] {
        generatedCount(of: tokens.count) < stop.minTokens ? stop.tokenIDs : []
    }

    /// Whether the sequence ends with its `count`-th token, whichever it is.
    func ends(at count: Int) -> Bool {
        count >= maxLength || generatedCount(of: count) >= stop.maxTokens
    }

    /// Whether and why the sequence ends with `token`, its `count`-th.
    func finishReason(after token: TokenID, count: Int) -> FinishReason? {
        if let reason = stop.reason(toEndWith: token, generatedCount: generatedCount(of: count)) {
            return reason
        }
        return count >= maxLength ? .length : nil
    }
}

/// A request on its way into an engine, with the way that its events go.
struct Submission: Sendable {
    let request: GenerationRequest
    let events: EventSender
}
