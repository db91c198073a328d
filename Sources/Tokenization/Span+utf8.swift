extension Span<UInt8> {
    /// Bytes of the scalar that starts here; the text is valid UTF-8.
    @inline(__always)
    func scalarLength(at position: Int) -> Int {
        switch self[position] {
        case 0..<0x80: 1
        case 0x80..<0xE0: 2
        case 0xE0..<0xF0: 3
        default: 4
        }
    }

    /// The scalar that starts here and its length in bytes; the text is valid UTF-8.
    @inline(__always)
    func scalar(at position: Int) -> (value: UInt32, length: Int) {
        let first = UInt32(self[position])
        switch first {
        case 0..<0x80: return (first, 1)
        case 0x80..<0xE0: return ((first & 0x1F) << 6 | tail(position + 1), 2)
        case 0xE0..<0xF0: return ((first & 0x0F) << 12 | tail(position + 1) << 6 | tail(position + 2), 3)
        default:
            let high = (first & 0x07) << 18 | tail(position + 1) << 12
            return (high | tail(position + 2) << 6 | tail(position + 3), 4)
        }
    }

    /// Where the scalar before this position starts.
    @inline(__always)
    func scalarStart(before position: Int) -> Int {
        var start = position - 1
        while self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    @inline(__always)
    private func tail(_ position: Int) -> UInt32 { UInt32(self[position] & 0x3F) }
}

extension [UInt8] {
    /// Appends a scalar's UTF-8 encoding.
    mutating func append(scalar value: UInt32) {
        if value < 0x80 {
            append(UInt8(value))
            return
        }
        if value < 0x800 {
            append(UInt8(0xC0 | value >> 6))
        } else if value < 0x10000 {
            append(UInt8(0xE0 | value >> 12))
            append(UInt8(0x80 | value >> 6 & 0x3F))
        } else {
            append(UInt8(0xF0 | value >> 18))
            append(UInt8(0x80 | value >> 12 & 0x3F))
            append(UInt8(0x80 | value >> 6 & 0x3F))
        }
        append(UInt8(0x80 | value & 0x3F))
    }
}
