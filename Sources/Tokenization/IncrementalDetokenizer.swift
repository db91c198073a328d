package import Core

/// Turns a stream of tokens into a stream of text.
///
/// All that `append` and `finish` return, joined, equals `Tokenizer.decode` of the same tokens. Each call gives
/// whole characters; a character whose bytes are spread over tokens comes with the last of them, and a run of
/// byte-fallback tokens when it ends.
package struct IncrementalDetokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecial: Bool
    private var pipeline: DecoderPipeline

    package init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        skipsSpecial = skipSpecialTokens
        pipeline = DecoderPipeline(tokenizer.storage.decoders)
    }

    /// The text that is certain once this token has come, which may be none.
    package mutating func append(_ id: TokenID) -> String {
        guard !skipsSpecial || !tokenizer.isSpecial(id), let form = tokenizer.form(of: id) else { return "" }
        pipeline.append(token: form)
        return pipeline.takeOutput()
    }

    /// The rest of the text; nothing may be appended afterwards.
    package mutating func finish() -> String {
        pipeline.finish()
        return pipeline.takeOutput()
    }
}
