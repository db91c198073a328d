extension Unicode.Scalar {
    /// What Python's `str.isspace` and `\s` accept.
    var isPythonSpace: Bool {
        switch value {
        case 0x20, 0x09...0x0D, 0x1C...0x1F, 0x85, 0xA0, 0x1680, 0x2000...0x200A: true
        case 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Where `str.splitlines` breaks.
    var isLineBoundary: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}

extension Text {
    enum Side { case left, right, both }

    /// Without leading or trailing code points of the set `characters`; whitespace when it is nil.
    func stripped(_ side: Side, of characters: Text? = nil) -> Text {
        let set = characters.map { Set($0.scalars) }
        func isStripped(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? scalar.isPythonSpace }
        var lower = 0
        var upper = count
        if side != .right { while lower < upper, isStripped(scalars[lower]) { lower += 1 } }
        if side != .left { while upper > lower, isStripped(scalars[upper - 1]) { upper -= 1 } }
        return Text(scalars[lower..<upper], isMarkup: isMarkup)
    }

    /// The words between runs of whitespace, at most `limit` splits, counted from the left.
    func splitOnSpace(limit: Int) -> [Text] {
        var parts: [Text] = []
        var position = 0
        while true {
            while position < count, scalars[position].isPythonSpace { position += 1 }
            guard position < count else { return parts }
            if parts.count == limit {
                parts.append(Text(scalars[position...], isMarkup: isMarkup))
                return parts
            }
            let start = position
            while position < count, !scalars[position].isPythonSpace { position += 1 }
            parts.append(Text(scalars[start..<position], isMarkup: isMarkup))
        }
    }

    /// As `splitOnSpace`, the splits counted from the right.
    func splitOnSpaceFromRight(limit: Int) -> [Text] {
        let reversed = Text(scalars.reversed(), isMarkup: isMarkup)
        return reversed.splitOnSpace(limit: limit).reversed().map { Text($0.scalars.reversed(), isMarkup: isMarkup) }
    }

    /// The parts between occurrences of `separator`, which is not empty.
    func split(on separator: Text, limit: Int) -> [Text] {
        var parts: [Text] = []
        var position = 0
        while parts.count < limit, let next = firstIndex(of: separator.scalars, from: position) {
            parts.append(Text(scalars[position..<next], isMarkup: isMarkup))
            position = next + separator.count
        }
        parts.append(Text(scalars[position...], isMarkup: isMarkup))
        return parts
    }

    /// As `split(on:limit:)`, the splits counted from the right.
    func splitFromRight(on separator: Text, limit: Int) -> [Text] {
        var parts: [Text] = []
        var end = count
        while parts.count < limit, let next = lastIndex(of: separator.scalars, to: end) {
            parts.append(Text(scalars[(next + separator.count)..<end], isMarkup: isMarkup))
            end = next
        }
        parts.append(Text(scalars[..<end], isMarkup: isMarkup))
        return parts.reversed()
    }

    func lines(keepingEnds: Bool = false) -> [Text] {
        var lines: [Text] = []
        var start = 0
        var position = 0
        while position < count {
            guard scalars[position].isLineBoundary else {
                position += 1
                continue
            }
            let end = position
            let isPair = scalars[position] == "\r" && position + 1 < count && scalars[position + 1] == "\n"
            position += isPair ? 2 : 1
            lines.append(Text(scalars[start..<(keepingEnds ? position : end)], isMarkup: isMarkup))
            start = position
        }
        if start < count { lines.append(Text(scalars[start...], isMarkup: isMarkup)) }
        return lines
    }
}
