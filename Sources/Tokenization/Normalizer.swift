/// What is done to the text before it is cut into pieces.
indirect enum Normalizer: Sendable {
    case byteLevel
    case lowercase
    case prepend([UInt8])
    case replace(Pattern, [UInt8])
    case sequence([Normalizer])
    case strip(left: Bool, right: Bool)
    case stripAccents
    case unicode(UnicodeNormalization.Form)

    /// Normalizes a text in place.
    func apply(to text: inout [UInt8]) {
        var keepsStart = true
        apply(to: &text, keepsStart: &keepsStart)
    }

    /// Normalizes a text in place.
    ///
    /// - Parameters:
    ///   - text: valid UTF-8 before and after.
    ///   - keepsStart: set to false where the text's first character is taken away.
    func apply(to text: inout [UInt8], keepsStart: inout Bool) {
        switch self {
        case .byteLevel: text = ByteAlphabet.encode(text.span)
        case .lowercase:
            text = text.mapScalars { Array($0.properties.lowercaseMapping.unicodeScalars) }
        case .prepend(let prefix):
            if !text.isEmpty { text.insert(contentsOf: prefix, at: 0) }
        case .replace(let pattern, let content):
            let replaced = pattern.replacingMatches(in: text.span, with: content)
            // What replaces several characters stands, for the reference, where the last of them stood.
            let kept = content.isEmpty || text.isEmpty ? 0 : text.span.scalarLength(at: 0)
            if replaced.leadingMatch > kept { keepsStart = false }
            text = replaced.text
        case .sequence(let normalizers):
            for normalizer in normalizers { normalizer.apply(to: &text, keepsStart: &keepsStart) }
        case .strip(let left, let right): strip(&text, left: left, right: right, &keepsStart)
        case .stripAccents:
            if let first = String(decoding: text, as: UTF8.self).unicodeScalars.first, Self.isAccent(first) {
                keepsStart = false
            }
            text = text.mapScalars { Self.isAccent($0) ? [] : [$0] }
        case .unicode(let form): text = UnicodeNormalization.normalize(text, to: form)
        }
    }

    private func strip(_ text: inout [UInt8], left: Bool, right: Bool, _ keepsStart: inout Bool) {
        var start = 0
        var end = text.count
        while left, start < end, text.span.hasTrait(ScalarClass.space, at: start) {
            start += text.span.scalarLength(at: start)
        }
        while right, end > start, case let last = text.span.scalarStart(before: end),
            text.span.hasTrait(ScalarClass.space, at: last)
        { end = last }
        if start > 0 { keepsStart = false }
        text = Array(text[start..<end])
    }

    /// Whether `StripAccents` removes a scalar: a mark by Unicode 9, whose tables the reference has there.
    private static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
        guard let age = scalar.properties.age, age.major <= 9 else { return false }
        return [.nonspacingMark, .spacingMark, .enclosingMark].contains(scalar.properties.generalCategory)
    }
}

extension [UInt8] {
    /// Replaces every scalar of a valid UTF-8 text.
    fileprivate func mapScalars(_ transform: (Unicode.Scalar) -> [Unicode.Scalar]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        for scalar in String(decoding: self, as: UTF8.self).unicodeScalars {
            for replacement in transform(scalar) { result.append(scalar: replacement.value) }
        }
        return result
    }
}

extension Pattern {
    /// The text with every match replaced, and how many bytes the match at its start had.
    func replacingMatches(in text: Span<UInt8>, with content: [UInt8]) -> (text: [UInt8], leadingMatch: Int) {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var copied = 0
        var leadingMatch = 0
        forEachMatch(in: text) { start, end in
            if start == 0 { leadingMatch = end }
            for index in copied..<start { result.append(text[index]) }
            result += content
            copied = end
        }
        for index in copied..<text.count { result.append(text[index]) }
        return (result, leadingMatch)
    }
}

extension ByteAlphabet {
    /// The text with every byte written as its character.
    static func encode(_ text: Span<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        for index in text.indices { result.append(scalar: scalars[Int(text[index])]) }
        return result
    }
}
