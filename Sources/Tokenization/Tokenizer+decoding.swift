package import Core

extension Tokenizer {
    /// The text of tokens; broken UTF-8 becomes U+FFFD, ids without a token are left out.
    package func decode(_ ids: some Sequence<TokenID>, skipSpecialTokens: Bool) -> String {
        var detokenizer = IncrementalDetokenizer(self, skipSpecialTokens: skipSpecialTokens)
        var text = ""
        for id in ids { text += detokenizer.append(id) }
        return text + detokenizer.finish()
    }

    /// The bytes that a token adds to a text, in which it is not the first; empty where no token has the id.
    ///
    /// Concatenated, those of the tokens of a text are the text's bytes, but for what the decoder takes from the
    /// text's start.
    package func bytes(of id: TokenID) -> [UInt8] {
        guard let form = form(of: id) else { return [] }
        var bytes = form
        for decoder in storage.decoders {
            switch decoder {
            case .byteFallback:
                if let byte = ByteAlphabet.fallbackByte(bytes) { return [byte] }
            case .byteLevel: return ByteAlphabet.decode(bytes) ?? bytes
            // From here on, text is no longer cut into tokens.
            case .fuse: return bytes
            case .joinWithSpaces: return [0x20] + bytes
            case .metaspace, .replace, .strip:
                var single = DecoderPipeline([decoder])
                // As the second token; metaspace treats the first one differently.
                single.append(token: [])
                single.append(token: bytes)
                single.finish()
                bytes = Array(single.takeOutput().utf8)
            }
        }
        return bytes
    }

    /// What decoding starts from; nil where no token has the id.
    func form(of id: TokenID) -> [UInt8]? {
        let index = Int(id.rawValue)
        return storage.added.form(of: index) ?? storage.model.vocabulary.bytes(of: index).map(Array.init)
    }
}
