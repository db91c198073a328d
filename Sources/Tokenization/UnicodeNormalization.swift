/// The four Unicode normalization forms.
///
/// Decompositions are those of Unicode 12, which the reference implementation has; scalars added since stay as
/// they are in both.
enum UnicodeNormalization {
    enum Form: Sendable {
        case nfc, nfd, nfkc, nfkd

        var isCompatible: Bool { self == .nfkc || self == .nfkd }
        var composes: Bool { self == .nfc || self == .nfkc }
    }

    /// - Parameter text: valid UTF-8.
    static func normalize(_ text: [UInt8], to form: Form) -> [UInt8] {
        // Below U+0300 nothing composes further, and ASCII is in every form.
        let firstAffected: UInt8 = form == .nfc ? 0xCC : 0x80
        guard text.contains(where: { $0 >= firstAffected }) else { return text }
        var scalars: [UInt32] = []
        scalars.reserveCapacity(text.count)
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            appendDecomposition(of: scalar.value, form.isCompatible, to: &scalars)
        }
        order(&scalars)
        if form.composes { compose(&scalars) }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in scalars { result.append(scalar: scalar) }
        return result
    }

    private static func appendDecomposition(of scalar: UInt32, _ isCompatible: Bool, to output: inout [UInt32]) {
        if scalar < 0xA0 {
            output.append(scalar)
        } else if (Hangul.firstSyllable..<Hangul.firstSyllable + Hangul.syllableCount).contains(scalar) {
            Hangul.appendDecomposition(of: scalar, to: &output)
        } else if isCompatible, let scalars = DecompositionTable.compatible[scalar] {
            output += scalars
        } else if let scalars = DecompositionTable.canonical[scalar] {
            output += scalars
        } else {
            output.append(scalar)
        }
    }

    /// Sorts every run of marks by combining class, keeping the order within a class.
    private static func order(_ scalars: inout [UInt32]) {
        var start = 0
        while start < scalars.count {
            guard combiningClass(of: scalars[start]) > 0 else {
                start += 1
                continue
            }
            var end = start + 1
            while end < scalars.count, combiningClass(of: scalars[end]) > 0 { end += 1 }
            if end - start > 1 {
                let keyed = scalars[start..<end].enumerated().map { (combiningClass(of: $1), $0, $1) }
                let sorted = keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
                scalars.replaceSubrange(start..<end, with: sorted.map(\.2))
            }
            start = end
        }
    }

    /// Joins each mark with the starter before it where nothing of its class or higher lies between.
    private static func compose(_ scalars: inout [UInt32]) {
        var output: [UInt32] = []
        output.reserveCapacity(scalars.count)
        var starter: Int?
        var lastClass: UInt8 = 0
        for scalar in scalars {
            let scalarClass = combiningClass(of: scalar)
            if let place = starter {
                let isAdjacent = place == output.count - 1
                if isAdjacent || lastClass < scalarClass, let joined = composition(output[place], scalar) {
                    output[place] = joined
                    continue
                }
            }
            if scalarClass == 0 { starter = output.count }
            lastClass = scalarClass
            output.append(scalar)
        }
        scalars = output
    }

    private static func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.composition(first, second) ?? DecompositionTable.compositions[UInt64(first) << 32 | UInt64(second)]
    }

    private static func combiningClass(of value: UInt32) -> UInt8 {
        guard value >= 0x300, let scalar = Unicode.Scalar(value) else { return 0 }
        let combiningClass = scalar.properties.canonicalCombiningClass.rawValue
        guard combiningClass > 0, let age = scalar.properties.age, age.major <= 12 else { return 0 }
        return combiningClass
    }
}

/// Korean syllables, which are decomposed by arithmetic (The Unicode Standard, section 3.12).
private enum Hangul {
    static let firstSyllable: UInt32 = 0xAC00
    static let syllableCount: UInt32 = 11172
    private static let firstLead: UInt32 = 0x1100
    private static let firstVowel: UInt32 = 0x1161
    private static let firstTail: UInt32 = 0x11A7
    private static let leadCount: UInt32 = 19
    private static let vowelCount: UInt32 = 21
    private static let tailCount: UInt32 = 28

    static func appendDecomposition(of scalar: UInt32, to output: inout [UInt32]) {
        let index = scalar - firstSyllable
        output.append(firstLead + index / (vowelCount * tailCount))
        output.append(firstVowel + index % (vowelCount * tailCount) / tailCount)
        if index % tailCount > 0 { output.append(firstTail + index % tailCount) }
    }

    static func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
        let lead = first &- firstLead
        let vowel = second &- firstVowel
        if lead < leadCount, vowel < vowelCount { return firstSyllable + (lead * vowelCount + vowel) * tailCount }
        let syllable = first &- firstSyllable
        let tail = second &- firstTail
        guard syllable < syllableCount, syllable % tailCount == 0, tail > 0, tail < tailCount else { return nil }
        return first + tail
    }
}
