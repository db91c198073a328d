import Core
import Engine
import OpenAI
import Tokenization

/// Turns the tokens of one sequence into the pieces of text a client gets: a pure fold, one token at a time.
///
///     token -> whole UTF-8 text -> stop strings (may hold text back) -> piece
///
/// Log probabilities wait until their text, or text after it, goes out.
struct AnswerText {
    private let index: Int
    private let rules: Rules
    private var detokenizer: IncrementalDetokenizer
    private var matcher: StopStringMatcher
    private var reporter: TokenReporter?
    private(set) var tokenCount = 0
    /// Set once the answer is complete; nothing may be appended then.
    private(set) var end: ChoiceEnd?

    /// What ends an answer.
    struct Rules {
        /// End-of-sequence ids of the model.
        let endOfSequence: [TokenID]
        /// All ids that end the sequence, those of the model included unless ignored.
        let stopTokens: [TokenID]
        let minTokens: Int
        let includesStop: Bool
    }

    /// - Parameters:
    ///   - index: of the choice in the response.
    ///   - opening: text before the first token, such as an echoed prompt.
    init(index: Int, opening: String, rules: Rules, options: GenerationOptions, tokenizer: Tokenizer) {
        self.index = index
        self.rules = rules
        detokenizer = IncrementalDetokenizer(tokenizer, skipSpecialTokens: options.skipsSpecialTokens)
        matcher = StopStringMatcher(stops: options.stops, includeStop: options.includesStop)
        if options.sampling.topLogprobs != nil {
            reporter = TokenReporter(tokenizer: tokenizer, offset: opening.unicodeScalars.count)
        }
    }

    /// Takes the next token; nil if nothing can be shown yet.
    ///
    /// Sets `end` when a stop string is complete.
    mutating func append(_ token: GeneratedToken) -> ChoiceDelta? {
        precondition(end == nil, "a token after the answer's end")
        tokenCount += 1
        reporter?.append(token)
        // A stopping token is counted and reported, but it is not part of the text unless asked for.
        guard rules.includesStop || !rules.stopTokens.contains(token.id) else { return nil }
        let text = detokenizer.append(token.id)
        reporter?.advance(over: text)
        return piece(scanned(text))
    }

    /// Ends the answer as the engine said; always the last piece.
    mutating func finish(_ reason: ChoiceEnd) -> ChoiceDelta {
        precondition(end == nil, "an answer ends once")
        var text = scanned(detokenizer.finish())
        if end == nil {
            text += matcher.finish()
            end = reason
        }
        return ChoiceDelta(index: index, text: text, end: end, reports: reporter?.take())
    }

    /// How clients are told the engine's reason; nil if it was cancelled, which is no end of an answer.
    func end(for reason: FinishReason) -> ChoiceEnd? {
        switch reason {
        case .stop(let token):
            rules.endOfSequence.contains(token) ? .endOfSequence : .stopToken(Int(token.rawValue))
        case .length: .length
        case .cancelled: nil
        }
    }

    /// Text that is safe to show.
    ///
    /// Stop strings do not end an answer before its minimum, as they do in vLLM.
    private mutating func scanned(_ text: String) -> String {
        guard tokenCount > rules.minTokens else { return text }
        let (shown, matched) = matcher.append(text)
        if let matched { end = .stopString(matched) }
        return shown
    }

    private mutating func piece(_ text: String) -> ChoiceDelta? {
        guard end != nil || !text.isEmpty else { return nil }
        return ChoiceDelta(index: index, text: text, end: end, reports: reporter?.take())
    }
}
