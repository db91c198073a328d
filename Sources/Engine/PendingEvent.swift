internal import Adapters
internal import Core
internal import Scheduling

/// What happened to a request, on the way to its reader.
///
/// Tokens name a place of the engine's tables and not their sender: to count references to it in each step would make the
/// engine's core fetch memory from the core that reads.
enum PendingEvent: Sendable {
    /// Tokens of this place are this request's from now on, until its end.
    case opening(SequenceIndex, EventSender)
    case token(SequenceIndex, GeneratedToken)
    /// A last event, with the request's hold on its adapter.
    case end(SequenceIndex, GenerationEvent, lease: AdapterLease?)
    /// The only event of a request that never had a place.
    case refusal(EventSender, GenerationEvent, lease: AdapterLease?)

    /// Ends the hold on an adapter, so that whoever hears of the end finds it given back.
    mutating func endHold() {
        switch self {
        case .opening, .token: break
        case .end(let place, let event, _): self = .end(place, event, lease: nil)
        case .refusal(let sender, let event, _): self = .refusal(sender, event, lease: nil)
        }
    }
}

/// Where the events of each place go.
struct OpenSenders {
    private var senders: [EventSender?] = []

    /// - Returns: whether it was the last event of a request.
    mutating func send(_ pending: PendingEvent) -> Bool {
        switch pending {
        case .opening(let place, let sender):
            while senders.count <= place.offset { senders.append(nil) }
            senders[place.offset] = sender
            return false
        case .token(let place, let token):
            guard let sender = senders[place.offset] else { preconditionFailure("a token of \(place), which is empty") }
            sender.send(.token(token))
            return false
        case .end(let place, let event, _):
            guard let sender = senders[place.offset].take() else { preconditionFailure("\(place) ends twice") }
            sender.send(event)
            return true
        case .refusal(let sender, let event, _):
            sender.send(event)
            return true
        }
    }
}
