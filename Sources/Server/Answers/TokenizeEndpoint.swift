import Core
import Frontend
import Hummingbird
import JSON
import OpenAI
import Tokenization

/// `/tokenize` and `/detokenize`, as vLLM has them.
struct TokenizeEndpoint: Sendable {
    let frontend: Frontend
    let body: BodyReader

    func tokenize(_ request: Request) async throws(ServerError) -> Response {
        let parsed = try TokenizeRequest.valid(try await body.read(request))
        let tokens = try await wrapped { () throws(FrontendError) in try await frontend.tokenize(parsed) }
        var members: JSONObject = [
            "count": .integer(tokens.count),
            "max_model_len": .integer(frontend.model.limits.contextLength),
            "tokens": .array(tokens.map { .integer(Int($0.rawValue)) }),
        ]
        if parsed.showsTokens {
            let texts = tokens.map { frontend.model.tokenizer.token(ofID: $0) ?? "" }
            members["token_strs"] = .array(texts.map { .string($0) })
        }
        return Response(json: .object(members))
    }

    func detokenize(_ request: Request) async throws(ServerError) -> Response {
        let parsed = try DetokenizeRequest.valid(try await body.read(request))
        let text = try await wrapped { () throws(FrontendError) in try await frontend.detokenize(parsed) }
        return Response(json: ["prompt": .string(text)])
    }
}
