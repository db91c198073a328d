extension Text {
    func uppercased() -> Text {
        Text(scalars.flatMap { Array($0.properties.uppercaseMapping.unicodeScalars) }, isMarkup: isMarkup)
    }

    func lowercased() -> Text {
        Text(scalars.indices.flatMap { lowercaseScalars(at: $0) }, isMarkup: isMarkup)
    }

    /// The first code point in title case, the others in lower case.
    func capitalized() -> Text {
        guard let first = scalars.first else { return self }
        let rest = scalars.indices.dropFirst().flatMap { lowercaseScalars(at: $0) }
        return Text(Array(first.properties.titlecaseMapping.unicodeScalars) + rest, isMarkup: isMarkup)
    }

    /// `str.title`: a cased code point after an uncased one starts a word.
    func titlecased() -> Text {
        var result = Text(isMarkup: isMarkup)
        var followsCased = false
        for index in scalars.indices {
            let scalar = scalars[index]
            result.scalars +=
                followsCased
                ? lowercaseScalars(at: index) : Array(scalar.properties.titlecaseMapping.unicodeScalars)
            followsCased = scalar.properties.isCased
        }
        return result
    }

    func swapcased() -> Text {
        let swapped = scalars.indices.flatMap { index -> [Unicode.Scalar] in
            let properties = scalars[index].properties
            if properties.isUppercase { return lowercaseScalars(at: index) }
            if properties.isLowercase { return Array(properties.uppercaseMapping.unicodeScalars) }
            return [scalars[index]]
        }
        return Text(swapped, isMarkup: isMarkup)
    }

    /// The `title` filter, which unlike `str.title` starts words after whitespace, `-` and opening brackets only.
    func wordsCapitalized() -> Text {
        var result = Text(isMarkup: isMarkup)
        var word = Text()
        func flush() {
            guard !word.isEmpty else { return }
            result.scalars += Text(word.scalars.prefix(1)).uppercased().scalars
            result.scalars += Text(word.scalars.dropFirst()).lowercased().scalars
            word.scalars.removeAll()
        }
        for scalar in scalars {
            if scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar) {
                flush()
                result.scalars.append(scalar)
            } else {
                word.scalars.append(scalar)
            }
        }
        flush()
        return result
    }

    private func lowercaseScalars(at index: Int) -> [Unicode.Scalar] {
        // A capital sigma at the end of a word becomes the final small sigma, as in Python.
        if scalars[index] == "\u{3A3}", isFinalSigma(at: index) { return ["\u{3C2}"] }
        return Array(scalars[index].properties.lowercaseMapping.unicodeScalars)
    }

    private func isFinalSigma(at index: Int) -> Bool {
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased == true && after?.properties.isCased != true
    }
}

extension Text {
    private func hasOnly(_ accepts: (Unicode.Scalar.Properties) -> Bool) -> Bool {
        !isEmpty && scalars.allSatisfy { accepts($0.properties) }
    }

    var isAlphabetic: Bool { hasOnly(\.isPythonAlphabetic) }
    var isDecimal: Bool { hasOnly { $0.numericType == .decimal } }
    var isDigits: Bool { hasOnly { $0.numericType == .decimal || $0.numericType == .digit } }
    var isNumeric: Bool { hasOnly { $0.numericType != nil } }
    var isAlphanumeric: Bool { hasOnly { $0.isPythonAlphabetic || $0.numericType != nil } }
    var isSpace: Bool { !isEmpty && scalars.allSatisfy(\.isPythonSpace) }

    var isUpper: Bool {
        let blocks = scalars.contains { $0.properties.isLowercase || $0.properties.generalCategory == .titlecaseLetter }
        return !blocks && scalars.contains(where: \.properties.isUppercase)
    }

    var isLower: Bool {
        let blocks = scalars.contains { $0.properties.isUppercase || $0.properties.generalCategory == .titlecaseLetter }
        return !blocks && scalars.contains(where: \.properties.isLowercase)
    }

    var isTitle: Bool {
        var followsCased = false
        var hasWord = false
        for properties in scalars.map(\.properties) {
            if properties.isUppercase || properties.generalCategory == .titlecaseLetter {
                if followsCased { return false }
                hasWord = true
            } else if properties.isLowercase {
                if !followsCased { return false }
                hasWord = true
            }
            followsCased = properties.isCased
        }
        return hasWord
    }
}

extension Unicode.Scalar.Properties {
    fileprivate var isPythonAlphabetic: Bool {
        switch generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }
}
