package import JSON

/// Why a choice ended, as clients are told.
package enum ChoiceEnd: Sendable, Equatable {
    /// `finish_reason` `stop`, at an end-of-sequence token.
    case endOfSequence
    /// `finish_reason` `stop`, at a token id of the request.
    case stopToken(Int)
    /// `finish_reason` `stop`, at a string of the request.
    case stopString(String)
    /// `finish_reason` `length`.
    case length

    package var finishReason: String {
        switch self {
        case .endOfSequence, .stopToken, .stopString: "stop"
        case .length: "length"
        }
    }

    /// What of the request's own stops was met; null for the model's own end and for length.
    package var stopReason: JSONValue {
        switch self {
        case .endOfSequence, .length: .null
        case .stopToken(let id): .integer(id)
        case .stopString(let text): .string(text)
        }
    }
}
