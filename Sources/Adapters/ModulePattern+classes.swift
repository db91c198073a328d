extension ModulePattern.Parser {
    /// After a backslash, outside a class.
    mutating func escape() throws(ModulePattern.Failure) -> ModulePattern.Node {
        if take("b") { return .edge(.word) }
        if take("B") { return .edge(.notWord) }
        if take("A") { return .edge(.start) }
        return .byte(try escapedSet())
    }

    /// After a backslash: a class of bytes, a control character, or punctuation that stands for itself.
    private mutating func escapedSet() throws(ModulePattern.Failure) -> ByteSet {
        guard let byte = peek() else { throw failure("the pattern ends in a backslash") }
        let set: ByteSet? =
            switch byte {
            case UInt8(ascii: "d"): .digits
            case UInt8(ascii: "D"): ByteSet.digits.inverted
            case UInt8(ascii: "w"): .word
            case UInt8(ascii: "W"): ByteSet.word.inverted
            case UInt8(ascii: "s"): .space
            case UInt8(ascii: "S"): ByteSet.space.inverted
            case UInt8(ascii: "n"): .newline
            case UInt8(ascii: "t"): ByteSet(0x09)
            default: ByteSet.word.contains(byte) && byte != UInt8(ascii: "_") ? nil : ByteSet(byte)
            }
        guard let set else { throw failure("this escape is not supported") }
        advance()
        return set
    }

    /// After an opening bracket.
    mutating func byteClass() throws(ModulePattern.Failure) -> ByteSet {
        let isInverted = take("^")
        var set = ByteSet()
        var isFirst = true
        while isFirst || peek() != UInt8(ascii: "]") {
            isFirst = false
            let (member, low) = try classMember()
            guard peek() == UInt8(ascii: "-"), let next = peek(1), next != UInt8(ascii: "]") else {
                set.formUnion(member)
                continue
            }
            advance()
            let (_, high) = try classMember()
            guard let low, let high, low <= high else { throw failure("a range in a class is malformed") }
            set.formUnion(ByteSet([low...high]))
        }
        advance()
        return isInverted ? set.inverted : set
    }

    /// One member of a class; its byte, if it is a single one.
    private mutating func classMember() throws(ModulePattern.Failure) -> (ByteSet, UInt8?) {
        if take("\\") {
            let byte = peek()
            let isLetter = byte.map { ByteSet.word.contains($0) && $0 != UInt8(ascii: "_") } ?? false
            return (try escapedSet(), isLetter ? nil : byte)
        }
        guard let byte = peek() else { throw failure("missing ]") }
        guard byte < 0x80 else { throw failure("only ASCII is supported in a class") }
        advance()
        return (ByteSet(byte), byte)
    }
}
