package import Core

extension Tokenizer {
    /// The tokens of a text.
    ///
    /// Added tokens in the text are recognised wherever they stand, special ones too: a text that comes from
    /// outside can contain them.
    ///
    /// - Parameter addSpecialTokens: whether the file's template is put around them, as in `<s> …`.
    package func encode(_ text: String, addSpecialTokens: Bool) -> [TokenID] {
        let bytes = Array(text.utf8)
        var ids: [Int32] = []
        ids.reserveCapacity(bytes.count / 3)
        var word = BytePairWord()
        for segment in storage.added.rawSegments(of: bytes.span) {
            if let token = segment.token {
                ids.append(Int32(token))
            } else {
                encode(Array(bytes[segment.range]), isFirst: segment.range.lowerBound == 0, &ids, &word)
            }
        }
        if let processor = storage.postProcessor { ids = processor.apply(to: ids, addsSpecial: addSpecialTokens) }
        return ids.map { TokenID($0) }
    }

    /// Encodes a stretch without tokens that are looked for before normalization.
    private func encode(_ text: [UInt8], isFirst: Bool, _ ids: inout [Int32], _ word: inout BytePairWord) {
        var normalized = text
        var keepsStart = isFirst
        storage.normalizer?.apply(to: &normalized, keepsStart: &keepsStart)
        for segment in storage.added.normalizedSegments(of: normalized.span) {
            if let token = segment.token {
                ids.append(Int32(token))
                continue
            }
            let isFirst = keepsStart && segment.range.lowerBound == 0
            var list = PieceList(Array(normalized[segment.range]), isFirst: isFirst)
            storage.preTokenizer?.apply(to: &list)
            for piece in list.pieces {
                storage.model.encode(list.bytes[piece.start..<piece.end], into: &ids, word: &word)
            }
        }
    }
}
