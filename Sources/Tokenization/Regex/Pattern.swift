/// A compiled regular expression or literal over UTF-8 text.
struct Pattern: Sendable {
    private let program: PatternProgram
    /// The text that is searched for, where the pattern is a literal.
    let literal: [UInt8]?

    /// Compiles a regular expression; what is understood: `PatternParser`.
    init(regex: String) throws(PatternError) {
        var parser = PatternParser(regex)
        program = try PatternProgram(parser.parse())
        literal = nil
    }

    /// A pattern that finds exactly this text.
    init(literal: String) throws(PatternError) {
        let sets = literal.unicodeScalars.map { scalar in
            PatternNode.set(ScalarSet(ScalarSetItems(ranges: [scalar.value...scalar.value])))
        }
        program = try PatternProgram(.sequence(sets))
        self.literal = Array(literal.utf8)
    }

    /// A pattern that is given as a tree.
    init(_ node: PatternNode) throws(PatternError) {
        program = try PatternProgram(node)
        literal = nil
    }

    /// Calls `body` with the byte range of every match, leftmost first and without overlap.
    ///
    /// An empty match right after the match before is skipped.
    ///
    /// - Parameter text: valid UTF-8.
    func forEachMatch(in text: Span<UInt8>, _ body: (Int, Int) -> Void) {
        var matcher = PatternMatcher(program, textLength: text.count)
        var position = 0
        var lastEnd = -1
        while position <= text.count {
            let end = matcher.match(text, at: position)
            if let end, end > position || end != lastEnd {
                body(position, end)
                lastEnd = end
                if end > position {
                    position = end
                    continue
                }
            }
            guard position < text.count else { return }
            position += text.scalarLength(at: position)
        }
    }
}
