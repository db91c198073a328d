extension ModulePattern {
    /// Recursive descent over the pattern's bytes.
    ///
    ///     choice = sequence *("|" sequence)        sequence = *(atom [quantifier])
    struct Parser {
        private let text: String
        private let bytes: [UInt8]
        private var position = 0
        private var depth = 0

        private static let maxNesting = 64
        private static let maxCount = 1_000

        init(_ text: String) {
            self.text = text
            bytes = Array(text.utf8)
        }

        mutating func parse() throws(Failure) -> Node {
            let node = try choice()
            guard position == bytes.count else { throw failure("unbalanced parenthesis") }
            return node
        }

        func failure(_ reason: String) -> Failure {
            Failure(pattern: text, reason: "\(reason) at byte \(position)")
        }

        func peek(_ offset: Int = 0) -> UInt8? {
            position + offset < bytes.count ? bytes[position + offset] : nil
        }

        mutating func advance() { position += 1 }

        mutating func take(_ literal: String) -> Bool {
            guard bytes[position...].starts(with: literal.utf8) else { return false }
            position += literal.utf8.count
            return true
        }

        private mutating func choice() throws(Failure) -> Node {
            var branches = [try sequence()]
            while take("|") { branches.append(try sequence()) }
            return branches.count == 1 ? branches[0] : .choice(branches)
        }

        private mutating func sequence() throws(Failure) -> Node {
            var nodes: [Node] = []
            while let byte = peek(), byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
                nodes.append(try quantified(try atom()))
            }
            return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
        }

        private mutating func atom() throws(Failure) -> Node {
            if take("(") { return try group() }
            if take("[") { return .byte(try byteClass()) }
            if take("\\") { return try escape() }
            if take(".") { return .byte(ByteSet.newline.inverted) }
            if take("^") { return .edge(.start) }
            if take("$") { return .edge(.end) }
            guard let byte = peek(), !"*+?".utf8.contains(byte) else { throw failure("nothing to repeat") }
            position += 1
            return .byte(ByteSet(byte))
        }

        private mutating func group() throws(Failure) -> Node {
            depth += 1
            defer { depth -= 1 }
            guard depth <= Self.maxNesting else { throw failure("nested deeper than \(Self.maxNesting)") }
            var isLookAhead = false
            var isNegative = false
            if take("?=") {
                isLookAhead = true
            } else if take("?!") {
                (isLookAhead, isNegative) = (true, true)
            } else if take("?P<") {
                while let byte = peek(), ByteSet.word.contains(byte) { position += 1 }
                guard take(">") else { throw failure("a group's name is malformed") }
            } else if !take("?:"), peek() == UInt8(ascii: "?") {
                throw failure("this kind of group is not supported")
            }
            let inner = try choice()
            guard take(")") else { throw failure("missing )") }
            return isLookAhead ? .lookAhead(inner, isNegative: isNegative) : inner
        }

        private mutating func quantified(_ node: Node) throws(Failure) -> Node {
            guard let (min, max) = try quantifier() else { return node }
            if case .edge = node { throw failure("an anchor cannot be repeated") }
            let isLazy = take("?")
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "*") { throw failure("multiple repeat") }
            return .repeated(node, min: min, max: max, isLazy: isLazy)
        }

        private mutating func quantifier() throws(Failure) -> (min: Int, max: Int)? {
            if take("*") { return (0, .max) }
            if take("+") { return (1, .max) }
            if take("?") { return (0, 1) }
            let start = position
            guard take("{") else { return nil }
            let min = number()
            let hasComma = take(",")
            let max = hasComma ? number() : min
            guard take("}"), min != nil || hasComma else {
                // As in Python, a brace that is no quantifier is a literal.
                position = start
                return nil
            }
            let bounds = (min ?? 0, max ?? .max)
            guard bounds.0 <= bounds.1, bounds.0 <= Self.maxCount, max ?? 0 <= Self.maxCount else {
                throw failure("a repeat count must be ordered and at most \(Self.maxCount)")
            }
            return bounds
        }

        private mutating func number() -> Int? {
            let start = position
            var value = 0
            while let byte = peek(), ByteSet.digits.contains(byte), position - start < 9 {
                value = value * 10 + Int(byte - 0x30)
                position += 1
            }
            return position > start ? value : nil
        }
    }
}
