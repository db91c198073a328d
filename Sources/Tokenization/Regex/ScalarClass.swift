/// What a Unicode scalar is, packed into one byte: general category in bits 0...4, then three traits.
///
/// Categories follow Unicode 16, the version of the regex engine that tokenizer files are written for;
/// scalars of later versions count as unassigned there, so they do here.
enum ScalarClass {
    static let categoryMask: UInt8 = 0b0001_1111
    /// White_Space.
    static let space: UInt8 = 0b0010_0000
    /// `\w` in a bracketed class of a tokenizer's pattern.
    static let word: UInt8 = 0b0100_0000
    /// A word character by UTS 18, which decides `single_word` and the `Whitespace` pre-tokenizer.
    static let standardWord: UInt8 = 0b1000_0000

    /// Names of the categories at their index; `C` + `n` is last so that unknown falls there.
    static let categoryNames = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    /// The two lowest planes, where nearly all text lies; looked up on every scalar that is not ASCII.
    private static let table: [UInt8] = (0..<0x20000).map(classify)

    static func bits(of scalar: UInt32) -> UInt8 {
        scalar < 0x20000 ? table[Int(scalar)] : classify(scalar)
    }

    private static func classify(_ value: UInt32) -> UInt8 {
        guard let scalar = Unicode.Scalar(value) else { return 27 }
        let properties = scalar.properties
        // Private-use scalars have no age.
        if let age = properties.age, age.major > 16 { return 29 }
        let category = index(of: properties.generalCategory)
        // U+0295 became a letter without case only in Unicode 17.
        var bits = value == 0x295 ? 1 : category
        if properties.isWhitespace { bits |= space }
        let isWord = properties.isAlphabetic || (5...8).contains(category) || category == 11
        if isWord { bits |= word }
        if isWord || properties.isJoinControl { bits |= standardWord }
        return bits
    }

    private static func index(of category: Unicode.GeneralCategory) -> UInt8 {
        switch category {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        default: 29
        }
    }
}
