extension ModulePattern {
    /// What all matches of one configuration may still take together, in steps: thousands of patterns against
    /// hundreds of modules add up, though each match alone is cheap.
    struct Budget {
        /// Twice what a hundred simple patterns against a thousand modules take; spent within seconds.
        static let maxSteps = 20_000_000

        /// Never negative.
        private(set) var steps: Int

        /// - Parameter steps: at least 1.
        init(steps: Int = Self.maxSteps) { self.steps = steps }

        mutating func spend(_ count: Int) { steps = max(0, steps - count) }
    }

    /// Backtracking over bytes with continuations; gives up, rather than hanging, when steps or stack run out.
    struct Matcher {
        let text: [UInt8]
        /// Steps after which it gives up.
        let maxSteps: Int
        private(set) var steps = 0
        private var depth = 0
        private(set) var isExhausted = false

        /// What must match after a node; gets the matcher and the position reached.
        typealias Rest = (inout Matcher, Int) -> Bool

        init(text: [UInt8], maxSteps: Int) {
            self.text = text
            self.maxSteps = maxSteps
        }

        mutating func match(_ node: Node, at position: Int, _ rest: Rest) -> Bool {
            steps += 1
            depth += 1
            defer { depth -= 1 }
            guard !isExhausted, steps <= maxSteps, depth <= maxDepth else {
                isExhausted = true
                return false
            }
            switch node {
            case .empty: return rest(&self, position)
            case .byte(let set):
                guard position < text.count, set.contains(text[position]) else { return false }
                return rest(&self, position + 1)
            case .edge(let edge): return holds(edge, at: position) && rest(&self, position)
            case .lookAhead(let inner, let isNegative):
                let found = match(inner, at: position) { _, _ in true }
                return found != isNegative && !isExhausted && rest(&self, position)
            case .sequence(let nodes): return matchSequence(nodes[...], at: position, rest)
            case .choice(let nodes):
                for node in nodes where match(node, at: position, rest) { return true }
                return false
            case .repeated: return matchRepeated(node, done: 0, at: position, rest)
            }
        }

        private mutating func matchSequence(_ nodes: ArraySlice<Node>, at position: Int, _ rest: Rest) -> Bool {
            guard let first = nodes.first else { return rest(&self, position) }
            return match(first, at: position) { matcher, end in
                matcher.matchSequence(nodes.dropFirst(), at: end, rest)
            }
        }

        private mutating func matchRepeated(_ node: Node, done: Int, at position: Int, _ rest: Rest) -> Bool {
            guard case .repeated(let inner, let min, let max, let isLazy) = node else { return false }
            if isLazy && done >= min && rest(&self, position) { return true }
            if done < max {
                let isMatch = match(inner, at: position) { matcher, end in
                    // A round that consumes nothing would repeat for ever; it counts only towards the minimum.
                    guard end > position || done < min else { return false }
                    return matcher.matchRepeated(node, done: done + 1, at: end, rest)
                }
                if isMatch { return true }
            }
            return !isLazy && !isExhausted && done >= min && rest(&self, position)
        }

        private func holds(_ edge: Edge, at position: Int) -> Bool {
            switch edge {
            case .start: return position == 0
            case .end: return position == text.count || (position == text.count - 1 && text[position] == 0x0A)
            case .word, .notWord:
                let before = position > 0 && ByteSet.word.contains(text[position - 1])
                let after = position < text.count && ByteSet.word.contains(text[position])
                return (before != after) == (edge == .word)
            }
        }
    }
}
