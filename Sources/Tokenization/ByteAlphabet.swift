/// GPT-2's one printable character per byte, and the names of byte-fallback tokens.
enum ByteAlphabet {
    /// The scalar that stands for a byte.
    static let scalars: [UInt32] = {
        var next: UInt32 = 256
        return (UInt32(0)..<256).map { byte in
            if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE { return byte }
            next += 1
            return next - 1
        }
    }()

    /// The byte that a scalar below 324 stands for; -1 for none.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 324)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// The bytes that a text of such scalars stands for; nil where one stands for none.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            guard scalar.value < 324, bytes[Int(scalar.value)] >= 0 else { return nil }
            result.append(UInt8(bytes[Int(scalar.value)]))
        }
        return result
    }

    /// `<0x00>`, …, `<0xFF>`.
    static let fallbackTokens: [String] = (0..<256).map { byte in
        let digits = String(byte, radix: 16, uppercase: true)
        return digits.utf8.count == 1 ? "<0x0\(digits)>" : "<0x\(digits)>"
    }

    /// The byte that a token of the form `<0x41>` names.
    static func fallbackByte(_ token: some Collection<UInt8>) -> UInt8? {
        guard token.count == 6 else { return nil }
        let text = String(decoding: token, as: UTF8.self)
        guard text.hasPrefix("<0x"), text.hasSuffix(">"), text.utf8.count == 6 else { return nil }
        let digits = text.dropFirst(3).dropLast()
        guard digits.allSatisfy(\.isHexDigit) else { return nil }
        return UInt8(digits, radix: 16)
    }
}
