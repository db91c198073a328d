import Core
import Engine
import OpenAI
import Tokenization

/// Collects log probabilities until a piece of text carries them out.
struct TokenReporter {
    private let tokenizer: Tokenizer
    /// Code points of the text so far, where the next token's text begins.
    private var offset: Int
    private var pending: [TokenReport] = []

    init(tokenizer: Tokenizer, offset: Int) {
        self.tokenizer = tokenizer
        self.offset = offset
    }

    /// Notes a token, before its text is known.
    mutating func append(_ token: GeneratedToken) {
        let report = TokenReport(
            chosen: candidate(token.id, token.logprob ?? -.infinity),
            alternatives: token.top.map { candidate($0.token, $0.logprob) },
            textOffset: offset
        )
        pending.append(report)
    }

    mutating func advance(over text: String) { offset += text.unicodeScalars.count }

    mutating func take() -> [TokenReport] {
        defer { pending.removeAll(keepingCapacity: true) }
        return pending
    }

    /// Bytes that are no whole characters are written `bytes:\xNN`, as OpenAI does, so that tokens stay distinct.
    private func candidate(_ token: TokenID, _ logprob: Float) -> TokenReport.Candidate {
        let bytes = tokenizer.bytes(of: token)
        let text = String(validating: bytes, as: UTF8.self) ?? "bytes:" + bytes.map(Self.escaped).joined()
        return TokenReport.Candidate(text: text, bytes: bytes, logprob: logprob)
    }

    private static func escaped(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return "\\x" + (digits.count == 1 ? "0" : "") + digits
    }
}
