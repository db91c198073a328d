/// The added tokens of a file and the search for them.
struct AddedVocabulary: Sendable {
    /// A stretch of a text: an added token, or what lies between.
    struct Segment: Equatable {
        let range: Range<Int>
        let token: Int?
    }

    private(set) var tokens: [Int: AddedToken] = [:]
    private var ids: [[UInt8]: Int] = [:]
    /// How decoding sees each token: its normalized form where it is looked for in that form.
    private var forms: [Int: [UInt8]] = [:]
    private var rawTrie = TokenTrie()
    private var normalizedTrie = TokenTrie()

    /// - Parameters:
    ///   - list: `added_tokens` in the file's order, which decides the ids of those the model does not have.
    ///   - normalizer: applied to the tokens that are looked for in normalized text.
    init(_ list: [AddedToken], vocabulary: Vocabulary, normalizer: Normalizer?) throws(TokenizationError) {
        var nextID = vocabulary.count
        for token in list where !token.content.isEmpty {
            let content = Array(token.content.utf8)
            let known = ids[content] ?? vocabulary.id(of: content)
            let expected = known ?? nextID
            guard token.id == expected else {
                throw .addedTokenID(content: token.content, declared: token.id, expected: expected)
            }
            if known == nil { nextID += 1 }
            tokens[token.id] = token
            ids[content] = token.id
            var form = content
            if token.isNormalized { normalizer?.apply(to: &form) }
            forms[token.id] = form
        }
        buildTries()
    }

    private mutating func buildTries() {
        for (id, token) in tokens.sorted(by: { $0.key < $1.key }) {
            guard let form = forms[id], !form.isEmpty else { continue }
            if token.isNormalized {
                normalizedTrie.insert(form, value: Int32(id))
            } else {
                rawTrie.insert(form, value: Int32(id))
            }
        }
    }

    /// One above the highest id.
    var idBound: Int { (tokens.keys.max() ?? -1) + 1 }

    func id(of content: [UInt8]) -> Int? { ids[content] }

    /// The bytes that decoding starts from.
    func form(of id: Int) -> [UInt8]? { forms[id] }

    /// Cuts a text at the tokens that are looked for before normalization.
    func rawSegments(of text: Span<UInt8>) -> [Segment] { segments(of: text, rawTrie) }

    /// Cuts a normalized text at the tokens that are looked for after normalization.
    func normalizedSegments(of text: Span<UInt8>) -> [Segment] { segments(of: text, normalizedTrie) }

    private func segments(of text: Span<UInt8>, _ trie: TokenTrie) -> [Segment] {
        var segments: [Segment] = []
        var covered = 0
        var position = trie.isEmpty ? text.count : 0
        while position < text.count {
            guard let (id, end) = trie.longestMatch(in: text, at: position) else {
                position += 1
                continue
            }
            // The search goes on after the bare token, even where stripping covers more of the text.
            if let token = tokens[Int(id)], let range = extent(of: token, position..<end, covered, text) {
                if covered < range.lowerBound {
                    segments.append(Segment(range: covered..<range.lowerBound, token: nil))
                }
                segments.append(Segment(range: range, token: Int(id)))
                covered = range.upperBound
            }
            position = end
        }
        if covered < text.count { segments.append(Segment(range: covered..<text.count, token: nil)) }
        return segments
    }

    /// What a token found at `range` covers; nil where it must be a word by itself and is not.
    private func extent(
        of token: AddedToken,
        _ range: Range<Int>,
        _ covered: Int,
        _ text: Span<UInt8>
    ) -> Range<Int>? {
        var (start, end) = (range.lowerBound, range.upperBound)
        if token.isSingleWord {
            let before = start > 0 && text.hasTrait(ScalarClass.standardWord, at: text.scalarStart(before: start))
            let after = end < text.count && text.hasTrait(ScalarClass.standardWord, at: end)
            if before || after { return nil }
        }
        if token.stripsLeft {
            while start > 0, case let previous = text.scalarStart(before: start),
                text.hasTrait(ScalarClass.space, at: previous)
            { start = previous }
            start = max(start, covered)
        }
        if token.stripsRight {
            while end < text.count, text.hasTrait(ScalarClass.space, at: end) { end += text.scalarLength(at: end) }
        }
        return min(start, end)..<end
    }
}

extension Span<UInt8> {
    /// Whether the scalar that starts here has one of the traits of `ScalarClass`.
    func hasTrait(_ trait: UInt8, at position: Int) -> Bool {
        ScalarClass.bits(of: scalar(at: position).value) & trait != 0
    }
}
