import OpenAI

/// A request type that reads itself from a body.
protocol ValidBody {
    init(parsing body: [UInt8]) throws(OpenAIError)
}

extension ValidBody {
    static func valid(_ body: [UInt8]) throws(ServerError) -> Self {
        try parsed { () throws(OpenAIError) in try Self(parsing: body) }
    }
}

/// Reads something of a body and wraps the error.
func parsed<Value>(_ parse: () throws(OpenAIError) -> Value) throws(ServerError) -> Value {
    do {
        return try parse()
    } catch {
        throw .request(error)
    }
}

extension CompletionRequest: ValidBody {}
extension ChatRequest: ValidBody {}
extension TokenizeRequest: ValidBody {}
extension DetokenizeRequest: ValidBody {}
