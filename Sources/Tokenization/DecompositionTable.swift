/// The generated decompositions, unpacked once.
enum DecompositionTable {
    /// Full canonical decompositions, without Hangul.
    static let canonical = unpack(DecompositionData.canonical)
    /// Full compatibility decompositions of the scalars where they differ from the canonical ones.
    static let compatible = unpack(DecompositionData.compatible)

    /// Composite of a pair, keyed by first << 32 | second.
    static let compositions: [UInt64: UInt32] = {
        let excluded = Set(DecompositionData.neverComposed.split(whereSeparator: \.isWhitespace).map(number))
        var compositions: [UInt64: UInt32] = [:]
        let composites = canonical.filter { $0.value.count > 1 && !excluded.contains($0.key) }
        let byDecomposition = Dictionary(uniqueKeysWithValues: composites.map { ($0.value, $0.key) })
        for (scalars, composite) in byDecomposition {
            guard let second = scalars.last else { continue }
            let head = Array(scalars.dropLast())
            // A longer decomposition is that of another composite and one more mark.
            let first = head.count == 1 ? head[0] : byDecomposition[head]
            if let first { compositions[UInt64(first) << 32 | UInt64(second)] = composite }
        }
        return compositions
    }()

    /// Reads lines of `scalar=scalar,scalar;…` in hexadecimal.
    private static func unpack(_ text: String) -> [UInt32: [UInt32]] {
        var table: [UInt32: [UInt32]] = [:]
        for entry in text.split(whereSeparator: { $0 == ";" || $0 == "\n" }) {
            let parts = entry.split(separator: "=")
            table[number(parts[0])] = parts[1].split(separator: ",").map(number)
        }
        return table
    }

    private static func number(_ digits: Substring) -> UInt32 {
        guard let value = UInt32(digits, radix: 16) else { preconditionFailure("not a scalar: \(digits)") }
        return value
    }
}
