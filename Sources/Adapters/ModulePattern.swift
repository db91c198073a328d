/// A regular expression over module paths, in the part of Python's syntax that adapter configurations use.
///
/// Literals, `.`, classes, `\d \w \s \b` and their opposites, groups (capturing, named or not), look-ahead,
/// alternatives, greedy and lazy quantifiers, `^` and `$`. Refused: back-references, look-behind, inline flags,
/// possessive quantifiers. Patterns come from strangers, so a match that takes too many steps is an error, and so are
/// the matches of one configuration that take too many together: see `Budget`.
struct ModulePattern: Sendable {
    indirect enum Node: Sendable {
        case empty
        case byte(ByteSet)
        case edge(Edge)
        case lookAhead(Node, isNegative: Bool)
        case sequence([Node])
        case choice([Node])
        case repeated(Node, min: Int, max: Int, isLazy: Bool)
    }

    enum Edge: Sendable {
        case start, end, word, notWord
    }

    /// What is wrong with a pattern.
    struct Failure: Error, Equatable {
        let pattern: String
        let reason: String
    }

    let text: String
    private let root: Node

    /// The longest pattern accepted, in bytes.
    static let maxBytes = 16_384
    /// Steps of one match: far above what a sensible pattern takes for a path of fifty bytes; reached in well under a
    /// second.
    static let maxSteps = 200_000
    /// Bounds the stack.
    static let maxDepth = 1_000

    init(_ text: String) throws(Failure) {
        self.text = text
        guard text.utf8.count <= Self.maxBytes else {
            throw Failure(pattern: String(text.prefix(80)) + "…", reason: "longer than \(Self.maxBytes) bytes")
        }
        var parser = Parser(text)
        root = try parser.parse()
    }

    /// Whether the whole path matches, as `re.fullmatch`.
    func matchesWhole(_ path: String, _ budget: inout Budget) throws(Failure) -> Bool {
        try run(path, &budget) { $0 == path.utf8.count }
    }

    /// Whether a prefix of the path matches, as `re.match`.
    func matchesPrefix(_ path: String, _ budget: inout Budget) throws(Failure) -> Bool {
        try run(path, &budget) { _ in true }
    }

    private func run(_ path: String, _ budget: inout Budget, accept: (Int) -> Bool) throws(Failure) -> Bool {
        var matcher = Matcher(text: Array(path.utf8), maxSteps: min(Self.maxSteps, budget.steps))
        let isMatch = matcher.match(root, at: 0) { _, end in accept(end) }
        budget.spend(matcher.steps)
        guard budget.steps > 0 else {
            throw Failure(pattern: text, reason: "all patterns together are too costly to match")
        }
        guard !matcher.isExhausted else {
            throw Failure(pattern: text, reason: "too costly to match against '\(path)'")
        }
        return isMatch
    }
}

/// A set of byte values.
struct ByteSet: Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init() {}
    init(_ byte: UInt8) { insert(byte) }
    init(_ ranges: [ClosedRange<UInt8>]) { for range in ranges { for byte in range { insert(byte) } } }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    mutating func formUnion(_ other: ByteSet) {
        words = (
            words.0 | other.words.0, words.1 | other.words.1, words.2 | other.words.2, words.3 | other.words.3
        )
    }

    var inverted: ByteSet {
        var copy = self
        copy.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return copy
    }

    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) << UInt64(byte & 63)
        return switch byte >> 6 {
        case 0: words.0 & bit != 0
        case 1: words.1 & bit != 0
        case 2: words.2 & bit != 0
        default: words.3 & bit != 0
        }
    }

    static let digits = ByteSet([0x30...0x39])
    static let word = ByteSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = ByteSet([0x09...0x0D, 0x20...0x20])
    static let newline = ByteSet(0x0A)
}
