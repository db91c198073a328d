internal import Core

extension Text {
    /// The first place at or after `start` where `needle` lies wholly before `end`; nil when there is none.
    func firstIndex(of needle: [Unicode.Scalar], from start: Int = 0, to end: Int? = nil) -> Int? {
        let end = end ?? count
        guard start <= end, needle.count <= end - start else { return nil }
        guard let length = Self.search(scalars[start..<end], for: needle) else { return nil }
        return start + length - needle.count
    }

    func lastIndex(of needle: [Unicode.Scalar], from start: Int = 0, to end: Int? = nil) -> Int? {
        let end = end ?? count
        guard start <= end, needle.count <= end - start else { return nil }
        guard let length = Self.search(scalars[start..<end].reversed(), for: needle.reversed()) else { return nil }
        return end - length
    }

    /// In a time that is the text's length: a template may choose both sides, and trying each place would take their
    /// product.
    ///
    /// - Returns: how much of the text ends with the first occurrence; nil if there is none.
    private static func search(_ text: some Sequence<Unicode.Scalar>, for needle: [Unicode.Scalar]) -> Int? {
        if needle.isEmpty { return 0 }
        var search = PatternSearch(needle)
        for (index, scalar) in text.enumerated() where search.advance(scalar) { return index + 1 }
        return nil
    }

    /// Whether `needle` stands at `position`; the caller has checked that it fits.
    func matches(_ needle: [Unicode.Scalar], at position: Int) -> Bool {
        for offset in needle.indices where scalars[position + offset] != needle[offset] { return false }
        return true
    }

    func hasPrefix(_ prefix: Text) -> Bool { scalars.starts(with: prefix.scalars) }

    func hasSuffix(_ suffix: Text) -> Bool {
        suffix.count <= count && matches(suffix.scalars, at: count - suffix.count)
    }

    /// How often `needle` occurs without overlap; an empty one stands before, between and after all code points.
    func occurrences(of needle: Text, from start: Int, to end: Int) -> Int {
        guard start <= end else { return 0 }
        if needle.isEmpty { return end - start + 1 }
        var found = 0
        var position = start
        while let next = firstIndex(of: needle.scalars, from: position, to: end) {
            found += 1
            position = next + needle.count
        }
        return found
    }

    /// Replaces the first `limit` occurrences, all of them when `limit` is negative.
    func replacing(_ old: Text, with new: Text, limit: Int) -> Text {
        var left = limit < 0 ? Int.max : limit
        if old.isEmpty { return interleaved(with: new, limit: left) }
        var result = Text(isMarkup: isMarkup)
        var position = 0
        while left > 0, let next = firstIndex(of: old.scalars, from: position) {
            result.scalars += scalars[position..<next]
            result.scalars += new.scalars
            position = next + old.count
            left -= 1
        }
        result.scalars += scalars[position...]
        return result
    }

    private func interleaved(with new: Text, limit: Int) -> Text {
        var result = Text(isMarkup: isMarkup)
        var left = limit
        for scalar in scalars {
            if left > 0 { result.scalars += new.scalars }
            left -= left > 0 ? 1 : 0
            result.scalars.append(scalar)
        }
        if left > 0 { result.scalars += new.scalars }
        return result
    }
}
