/// How a normalized text is cut into the pieces that the model encodes one by one.
indirect enum PreTokenizer: Sendable {
    /// Bytes as characters; with a pattern, cut by it first.
    case byteLevel(addsPrefixSpace: Bool, Pattern?)
    case metaspace(replacement: Unicode.Scalar, PrependScheme, split: Pattern?)
    case sequence([PreTokenizer])
    case split(Pattern, SplitBehavior, isInverted: Bool)

    /// Where `Metaspace` puts its mark in front.
    enum PrependScheme: String, CaseIterable, Sendable {
        case always, first, never
    }

    func apply(to list: inout PieceList) {
        switch self {
        case .byteLevel(let addsPrefixSpace, let pattern): applyByteLevel(to: &list, addsPrefixSpace, pattern)
        case .metaspace(let replacement, let scheme, let pattern):
            applyMetaspace(to: &list, replacement, scheme)
            if let pattern { list.split(by: pattern, .mergedWithNext, isInverted: false) }
        case .sequence(let steps): for step in steps { step.apply(to: &list) }
        case .split(let pattern, let behavior, let isInverted):
            list.split(by: pattern, behavior, isInverted: isInverted)
        }
    }

    private func applyByteLevel(to list: inout PieceList, _ addsPrefixSpace: Bool, _ pattern: Pattern?) {
        let space = UInt8(ascii: " ")
        if addsPrefixSpace {
            list.rewrite { _, text, output in
                if text[0] != space { output.append(space) }
                output.append(copying: text)
            }
        }
        if let pattern { list.split(by: pattern, .isolated, isInverted: false) }
        list.rewrite { _, text, output in
            for index in text.indices { output.append(scalar: ByteAlphabet.scalars[Int(text[index])]) }
        }
    }

    private func applyMetaspace(to list: inout PieceList, _ replacement: Unicode.Scalar, _ scheme: PrependScheme) {
        var mark: [UInt8] = []
        mark.append(scalar: replacement.value)
        let space = UInt8(ascii: " ")
        list.rewrite { piece, text, output in
            let startsWithMark = text[0] == space || text.scalar(at: 0).value == replacement.value
            if !startsWithMark, scheme == .always || (scheme == .first && piece.isFirst) { output += mark }
            for index in text.indices {
                if text[index] == space { output += mark } else { output.append(text[index]) }
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(copying text: Span<UInt8>) {
        for index in text.indices { append(text[index]) }
    }
}
