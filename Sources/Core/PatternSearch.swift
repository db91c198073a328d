/// Finds a pattern in a sequence that comes element by element: the algorithm of Knuth, Morris and Pratt, whose time is
/// the sequence's length, whatever repeats itself in either.
package struct PatternSearch<Element: Equatable> {
    package let pattern: [Element]
    /// For each prefix of the pattern, the length of its longest proper prefix that it also ends with.
    @usableFromInline let fallbacks: [Int]
    @usableFromInline var progress = 0

    /// How much of the pattern the sequence ends in.
    package var matched: Int { progress }

    /// - Precondition: the pattern is not empty.
    package init(_ pattern: [Element]) {
        precondition(!pattern.isEmpty, "an empty pattern stands everywhere")
        var fallbacks = [Int](repeating: 0, count: pattern.count)
        var length = 0
        for index in pattern.indices.dropFirst() {
            while length > 0, pattern[length] != pattern[index] { length = fallbacks[length - 1] }
            if pattern[length] == pattern[index] { length += 1 }
            fallbacks[index] = length
        }
        self.pattern = pattern
        self.fallbacks = fallbacks
    }

    /// Takes the next element.
    ///
    /// - Returns: whether the pattern ends with it. The search then begins anew behind it.
    @inlinable package mutating func advance(_ element: Element) -> Bool {
        while progress > 0, pattern[progress] != element { progress = fallbacks[progress - 1] }
        if pattern[progress] == element { progress += 1 }
        guard progress == pattern.count else { return false }
        progress = 0
        return true
    }
}

extension PatternSearch: Sendable where Element: Sendable {}
