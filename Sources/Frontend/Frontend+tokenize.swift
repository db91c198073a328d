package import Core
package import OpenAI
import Tokenization

extension Frontend {
    /// The tokens of a prompt or of a rendered conversation.
    @concurrent
    package func tokenize(_ request: TokenizeRequest) async throws(FrontendError) -> [TokenID] {
        switch request.subject {
        case .prompt(let text): model.tokenizer.encode(text, addSpecialTokens: request.addsSpecialTokens)
        case .chat(let chat): try tokens(of: chat)
        }
    }

    /// The text of tokens, special tokens included.
    @concurrent
    package func detokenize(_ request: DetokenizeRequest) async throws(FrontendError) -> String {
        let size = model.tokenizer.vocabularySize
        if let token = request.tokens.first(where: { Int($0.rawValue) >= size }) {
            throw .invalid(.outOfRange(field: "tokens", bound: "token ids below \(size)", value: "\(token)"))
        }
        return model.tokenizer.decode(request.tokens, skipSpecialTokens: false)
    }
}
