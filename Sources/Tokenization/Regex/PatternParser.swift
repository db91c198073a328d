/// Reads the regular-expression syntax of tokenizer files (Oniguruma's default syntax, without
/// back-references, lookbehind, named groups, set intersection and scripts).
struct PatternParser {
    struct Options {
        var ignoresCase = false
        var dotMatchesNewline = false
    }

    /// Deeper patterns are refused; the matcher and this parser recurse by depth.
    private static let depthLimit = 64
    private static let repetitionLimit = 1000

    let scalars: [Unicode.Scalar]
    var position = 0
    var options = Options()
    private var depth = 0

    init(_ pattern: String) {
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try parseAlternation()
        guard position == scalars.count else { throw malformed("unmatched )") }
        return node
    }

    private mutating func parseAlternation() throws(PatternError) -> PatternNode {
        var branches = [try parseSequence()]
        while consume("|") { branches.append(try parseSequence()) }
        return branches.count == 1 ? branches[0] : .alternation(branches)
    }

    private mutating func parseSequence() throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let next = peek, next != "|", next != ")" {
            nodes.append(try parseQuantified())
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func parseQuantified() throws(PatternError) -> PatternNode {
        var node = try parseAtom()
        while let (minimum, maximum, isInterval) = try parseQuantifier() {
            var greed = PatternNode.Greed.greedy
            if consume("?") {
                guard !isInterval || minimum != maximum else { throw unsupported("an optional exact repetition") }
                greed = .lazy
            } else if !isInterval, consume("+") {
                greed = .possessive
            }
            guard maximum != nil || !node.canBeEmpty else { throw unsupported("repeating what may be empty") }
            node = .repetition(node, minimum: minimum, maximum: maximum, greed)
        }
        return node
    }

    private mutating func parseQuantifier() throws(PatternError) -> (Int, Int?, isInterval: Bool)? {
        if consume("*") { return (0, nil, false) }
        if consume("+") { return (1, nil, false) }
        if consume("?") { return (0, 1, false) }
        let start = position
        guard consume("{") else { return nil }
        let minimum = parseNumber()
        let hasComma = consume(",")
        let maximum = hasComma ? parseNumber() : minimum
        guard minimum != nil || maximum != nil, consume("}") else {
            position = start
            return nil
        }
        for bound in [minimum, maximum] where (bound ?? 0) > Self.repetitionLimit {
            throw unsupported("repeating more than \(Self.repetitionLimit) times")
        }
        if let maximum, maximum < minimum ?? 0 { throw malformed("a repetition's bounds are reversed") }
        return (minimum ?? 0, maximum, true)
    }

    private mutating func parseNumber() -> Int? {
        var digits = ""
        while let next = peek, ("0"..."9").contains(next), digits.count < 9 {
            digits.unicodeScalars.append(next)
            position += 1
        }
        return Int(digits)
    }

    private mutating func parseAtom() throws(PatternError) -> PatternNode {
        guard let scalar = next() else { throw malformed("the pattern ends early") }
        switch scalar {
        case "(": return try parseGroup()
        case "[": return .set(try parseClass())
        case "\\": return try parseEscapedAtom()
        case "^": return .assertion(.lineStart)
        case "$": return .assertion(.lineEnd)
        case ".": return .set(anyScalar())
        case "*", "+", "?":
            position -= 1
            throw malformed("nothing to repeat")
        default: return .set(literal(scalar))
        }
    }

    private mutating func parseGroup() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw unsupported("nesting deeper than \(Self.depthLimit)") }
        let outer = options
        defer { options = outer }
        guard consume("?") else { return try closeGroup() }
        guard let kind = next() else { throw malformed("unfinished group") }
        switch kind {
        case ":": return try closeGroup()
        case "=": return .look(try closeGroup(), isNegative: false)
        case "!": return .look(try closeGroup(), isNegative: true)
        case ">": return .atomic(try closeGroup())
        case "i", "m", "-":
            position -= 1
            return try parseOptions()
        default:
            position -= 1
            throw unsupported("the group (?\(kind)")
        }
    }

    /// `(?i:…)`, `(?-i:…)`, or `(?i)` which reaches to the end of the enclosing group.
    private mutating func parseOptions() throws(PatternError) -> PatternNode {
        var isOn = true
        while let flag = next() {
            switch flag {
            case "-": isOn = false
            case "i": options.ignoresCase = isOn
            case "m": options.dotMatchesNewline = isOn
            case ":": return try closeGroup()
            case ")":
                let rest = try parseAlternation()
                return rest
            default:
                position -= 1
                throw unsupported("the option \(flag)")
            }
        }
        throw malformed("unfinished group")
    }

    private mutating func closeGroup() throws(PatternError) -> PatternNode {
        let node = try parseAlternation()
        guard consume(")") else { throw malformed("unfinished group") }
        return node
    }

    private func anyScalar() -> ScalarSet {
        var items = ScalarSetItems()
        if !options.dotMatchesNewline { items.ranges = [0x0A...0x0A] }
        return ScalarSet(items, isNegated: true)
    }

    func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
        ScalarSet(ScalarSetItems(ranges: [scalar.value...scalar.value]), foldsCase: options.ignoresCase)
    }

    var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    mutating func next() -> Unicode.Scalar? {
        guard let scalar = peek else { return nil }
        position += 1
        return scalar
    }

    mutating func consume(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    func malformed(_ reason: String) -> PatternError { .malformed(reason: reason, offset: position) }
    func unsupported(_ construct: String) -> PatternError { .unsupported(construct: construct, offset: position) }
}
