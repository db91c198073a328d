/// A set of Unicode scalars: what one step of a pattern accepts.
struct ScalarSet: Sendable, Equatable {
    /// Memberships that are not categories.
    struct Traits: OptionSet, Sendable, Equatable {
        let rawValue: UInt8
        static let space = Traits(rawValue: 1)
        static let nonSpace = Traits(rawValue: 2)
        static let word = Traits(rawValue: 4)
        static let nonWord = Traits(rawValue: 8)
        static let standardWord = Traits(rawValue: 16)
        /// Punctuation of ASCII and of Unicode 8, whose tables the `Punctuation` pre-tokenizer has.
        static let punctuation = Traits(rawValue: 32)
    }

    private(set) var categories: UInt32
    private(set) var traits: Traits
    private(set) var ranges: [ClosedRange<UInt32>]
    /// Whether the set holds everything but the above.
    let isNegated: Bool
    /// Whether a scalar is in if any of its case variants is.
    let foldsCase: Bool
    /// Membership of the scalars below 64 and 64..<128, resolved ahead.
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(_ items: ScalarSetItems, isNegated: Bool = false, foldsCase: Bool = false) {
        categories = items.categories
        traits = items.traits
        let variants = foldsCase ? Self.variants(of: items.ranges) : []
        let isLiteral = items.categories == 0 && items.traits.isEmpty && items.ranges.allSatisfy { $0.count == 1 }
        ranges = items.ranges + variants
        self.isNegated = isNegated
        // A literal without case, as the apostrophe, need not look at case again.
        self.foldsCase = foldsCase && !(isLiteral && Set(variants).isSubset(of: items.ranges))
        for value in UInt32(0)..<64 where evaluate(value) { low |= 1 << UInt64(value) }
        for value in UInt32(64)..<128 where evaluate(value) { high |= 1 << UInt64(value - 64) }
    }

    @inline(__always)
    func contains(ascii byte: UInt8) -> Bool {
        (byte < 64 ? low &>> UInt64(byte) : high &>> UInt64(byte &- 64)) & 1 == 1
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        scalar < 128 ? contains(ascii: UInt8(truncatingIfNeeded: scalar)) : evaluate(scalar)
    }

    private func evaluate(_ scalar: UInt32) -> Bool {
        var isMember = holds(scalar)
        if foldsCase, !isMember {
            isMember = Self.caseVariants(of: scalar).contains(where: holds)
        }
        return isMember != isNegated
    }

    private func holds(_ scalar: UInt32) -> Bool {
        for range in ranges where range.contains(scalar) { return true }
        if categories == 0 && traits.isEmpty { return false }
        let bits = ScalarClass.bits(of: scalar)
        if categories &>> UInt32(bits & ScalarClass.categoryMask) & 1 == 1 { return true }
        return !traits.isEmpty && holds(traitsOf: bits, scalar)
    }

    private func holds(traitsOf bits: UInt8, _ scalar: UInt32) -> Bool {
        traits.contains(bits & ScalarClass.space != 0 ? .space : .nonSpace)
            || traits.contains(bits & ScalarClass.word != 0 ? .word : .nonWord)
            || (bits & ScalarClass.standardWord != 0 && traits.contains(.standardWord))
            || (traits.contains(.punctuation) && Self.isPunctuation(scalar, bits))
    }

    private static func isPunctuation(_ value: UInt32, _ bits: UInt8) -> Bool {
        switch value {
        // Symbols that ASCII counts as punctuation, and two scalars that were punctuation once.
        case 0x24, 0x2B, 0x3C...0x3E, 0x5E, 0x60, 0x7C, 0x7E, 0x166D, 0x111C9: return true
        default: break
        }
        let name = ScalarClass.categoryNames[Int(bits & ScalarClass.categoryMask)]
        guard name.utf8.first == UInt8(ascii: "P"), let age = Unicode.Scalar(value)?.properties.age else {
            return false
        }
        return age.major <= 8
    }

    private static func variants(of ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        // Larger ranges come from scripts without case; testing the scalar's own variants is enough for them.
        ranges.filter { $0.count <= 128 }.flatMap { $0.flatMap(caseVariants).map { $0...$0 } }
    }

    /// The scalars that simple case mapping reaches from this one.
    private static func caseVariants(of value: UInt32) -> [UInt32] {
        guard let scalar = Unicode.Scalar(value), scalar.properties.changesWhenCaseMapped else { return [] }
        let upper = single(scalar.properties.uppercaseMapping) ?? scalar
        let lower = single(scalar.properties.lowercaseMapping) ?? scalar
        let both = [upper, lower, single(upper.properties.lowercaseMapping), single(lower.properties.uppercaseMapping)]
        return both.compactMap { $0?.value }
    }

    private static func single(_ mapping: String) -> Unicode.Scalar? {
        let scalars = mapping.unicodeScalars
        return scalars.count == 1 ? scalars.first : nil
    }
}

/// The members of a set while it is being read.
struct ScalarSetItems {
    var categories: UInt32 = 0
    var traits: ScalarSet.Traits = []
    var ranges: [ClosedRange<UInt32>] = []

    /// `\w` outside a bracketed class, where the reference's engine also takes `²³¹¼½¾`.
    static let word = ScalarSetItems(traits: .word, ranges: [0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE])

    mutating func formUnion(_ other: ScalarSetItems) {
        categories |= other.categories
        traits.formUnion(other.traits)
        ranges += other.ranges
    }
}
