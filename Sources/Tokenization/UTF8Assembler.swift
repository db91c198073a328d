/// Makes valid UTF-8 of bytes that arrive in parts: every maximal broken part becomes one U+FFFD.
///
/// A character that is cut off waits for its remaining bytes, at most three.
struct UTF8Assembler: Sendable {
    /// U+FFFD.
    static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    private var pending: [UInt8] = []

    /// The text that is certain with these bytes added.
    mutating func append(_ bytes: [UInt8]) -> [UInt8] {
        let all = pending + bytes
        var output: [UInt8] = []
        output.reserveCapacity(all.count)
        var position = 0
        while position < all.count {
            let (length, isWhole) = Self.sequence(all[position...])
            if isWhole {
                output += all[position..<position + length]
            } else if position + length == all.count, length < Self.expectedLength(all[position]) {
                break
            } else {
                output += Self.replacement
            }
            position += length
        }
        pending = Array(all[position...])
        return output
    }

    /// What stands for a character that was never completed.
    mutating func finish() -> [UInt8] {
        defer { pending = [] }
        return pending.isEmpty ? [] : Self.replacement
    }

    static func isValid(_ bytes: [UInt8]) -> Bool {
        var position = 0
        while position < bytes.count {
            let (length, isWhole) = sequence(bytes[position...])
            guard isWhole else { return false }
            position += length
        }
        return true
    }

    /// Length of the sequence at the start, and whether it is a character; at least 1.
    private static func sequence(_ bytes: ArraySlice<UInt8>) -> (length: Int, isWhole: Bool) {
        let first = bytes[bytes.startIndex]
        let expected = expectedLength(first)
        guard expected > 0 else { return (1, false) }
        var length = 1
        while length < expected, length < bytes.count,
            allowed(after: first, at: length).contains(bytes[bytes.startIndex + length])
        { length += 1 }
        return (length, length == expected)
    }

    /// Bytes of the character that starts with this byte; 0 where none does.
    private static func expectedLength(_ first: UInt8) -> Int {
        switch first {
        case 0..<0x80: 1
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
    }

    /// The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF.
    private static func allowed(after first: UInt8, at index: Int) -> ClosedRange<UInt8> {
        guard index == 1 else { return 0x80...0xBF }
        return switch first {
        case 0xE0: 0xA0...0xBF
        case 0xED: 0x80...0x9F
        case 0xF0: 0x90...0xBF
        case 0xF4: 0x80...0x8F
        default: 0x80...0xBF
        }
    }
}
