import JSON

extension PreTokenizer {
    /// GPT-2's pattern, which `ByteLevel` uses unless told otherwise.
    private static let bytePattern =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// Reads `{"type": …}`; a kind that is not listed here is refused.
    init(_ value: JSONValue, path: String) throws(TokenizationError) {
        let fields = try Fields(value, path: path)
        switch try fields.string("type") {
        case "ByteLevel":
            let usesPattern = try fields.bool("use_regex", default: true)
            self = .byteLevel(
                addsPrefixSpace: try fields.bool("add_prefix_space"),
                usesPattern ? try Self.compile(Self.bytePattern, path) : nil
            )
        case "Digits":
            let behavior = try fields.bool("individual_digits") ? SplitBehavior.isolated : .contiguous
            self = .split(try Self.compile(#"\p{N}"#, path), behavior, isInverted: false)
        case "Metaspace": self = try Self.metaspace(fields)
        case "Punctuation":
            let pattern = try Self.compile(set: ScalarSetItems(traits: .punctuation))
            self = .split(pattern, try fields.choice("behavior", default: .isolated), isInverted: false)
        case "Sequence":
            self = .sequence(
                try fields.elements("pretokenizers") { (value, path) throws(TokenizationError) in
                    try PreTokenizer(value, path: path)
                }
            )
        case "Split":
            self = .split(
                try fields.pattern("pattern"),
                try fields.choice("behavior"),
                isInverted: try fields.bool("invert")
            )
        case "Whitespace": self = .split(try Self.wordPattern(path), .removed, isInverted: true)
        case "WhitespaceSplit":
            self = .split(try Self.compile(#"\s"#, path), .removed, isInverted: false)
        case let kind: throw .unsupported(field: "\(path).type", kind: kind)
        }
    }

    private static func metaspace(_ fields: Fields) throws(TokenizationError) -> PreTokenizer {
        let replacement = try fields.scalar("replacement")
        let splits = try fields.bool("split", default: true)
        return .metaspace(
            replacement: replacement,
            try fields.prependScheme(),
            split: splits ? try compile(set: ScalarSetItems(ranges: [replacement.value...replacement.value])) : nil
        )
    }

    private static func compile(_ pattern: String, _ path: String) throws(TokenizationError) -> Pattern {
        do throws(PatternError) {
            return try Pattern(regex: pattern)
        } catch {
            throw .pattern(field: path, pattern: pattern, error)
        }
    }

    private static func compile(set: ScalarSetItems) throws(TokenizationError) -> Pattern {
        do throws(PatternError) {
            return try Pattern(.set(ScalarSet(set)))
        } catch {
            throw .pattern(field: "", pattern: "", error)
        }
    }

    /// Runs of word characters, or of characters that are neither word nor space.
    private static func wordPattern(_ path: String) throws(TokenizationError) -> Pattern {
        let word = PatternNode.set(ScalarSet(ScalarSetItems(traits: .standardWord)))
        let rest = PatternNode.set(ScalarSet(ScalarSetItems(traits: [.standardWord, .space]), isNegated: true))
        do throws(PatternError) {
            return try Pattern(.alternation([word, rest].map { .repetition($0, minimum: 1, maximum: nil, .greedy) }))
        } catch {
            throw .pattern(field: path, pattern: "Whitespace", error)
        }
    }
}

extension Fields {
    /// `prepend_scheme`, or what the older `add_prefix_space` says instead.
    func prependScheme() throws(TokenizationError) -> PreTokenizer.PrependScheme {
        let scheme: PreTokenizer.PrependScheme = try choice("prepend_scheme", default: .always)
        guard try !bool("add_prefix_space", default: true), scheme != .never else { return scheme }
        guard optional("prepend_scheme") == nil else {
            throw .invalidValue(field: field("add_prefix_space"), value: "false", expected: "what prepend_scheme says")
        }
        return .never
    }
}
