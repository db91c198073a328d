/// Escapes of the `escape` and `urlencode` filters.
enum Escape {
    /// Markup with the five special characters of HTML replaced; markup is left alone.
    static func html(_ text: Text) -> Text {
        guard !text.isMarkup else { return text }
        var result = Text(isMarkup: true)
        for scalar in text.scalars {
            switch scalar {
            case "&": result.scalars += Array("&amp;".unicodeScalars)
            case "<": result.scalars += Array("&lt;".unicodeScalars)
            case ">": result.scalars += Array("&gt;".unicodeScalars)
            case "'": result.scalars += Array("&#39;".unicodeScalars)
            case "\"": result.scalars += Array("&#34;".unicodeScalars)
            default: result.scalars.append(scalar)
            }
        }
        return result
    }

    /// Percent-encoded UTF-8; in a query a space becomes `+` and `/` is encoded too.
    static func url(_ text: Text, inQuery: Bool) -> Text {
        var result = Text()
        for byte in text.string.utf8 {
            let scalar = Unicode.Scalar(byte)
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.isASCIIDigit)
            if isPlain || "_.-~".unicodeScalars.contains(scalar) || (scalar == "/" && !inQuery) {
                result.scalars.append(scalar)
            } else if scalar == " ", inQuery {
                result.scalars.append("+")
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result.scalars += Array("%\(byte < 16 ? "0" : "")\(digits)".unicodeScalars)
            }
        }
        return result
    }
}
