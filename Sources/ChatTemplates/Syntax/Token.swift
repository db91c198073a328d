/// A piece of a template's source, with the line it starts on.
struct Token: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// Text outside of any tag, whitespace control already applied.
        case data(Text)
        case variableBegin, variableEnd, blockBegin, blockEnd
        case name(String)
        case string(Text)
        case integer(Int)
        case float(Double)
        /// An operator or bracket: `+`, `==`, `(`, `|` and so on.
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int

    /// The token for a message.
    var description: String {
        switch kind {
        case .data: "template text"
        case .variableBegin: "{{"
        case .variableEnd: "}}"
        case .blockBegin: "{%"
        case .blockEnd: "%}"
        case .name(let name): name
        case .string: "string"
        case .integer: "integer"
        case .float: "float"
        case .symbol(let symbol): symbol
        case .end: "end of template"
        }
    }
}
