/// A string as Python sees it: a sequence of code points.
///
/// Swift's `String` compares by canonical equivalence and indexes by grapheme; templates need neither.
struct Text: Hashable, Sendable {
    var scalars: [Unicode.Scalar]
    /// Made by `safe` or `escape`: joining it with `+` escapes the other side.
    var isMarkup = false

    init(_ scalars: some Sequence<Unicode.Scalar> = [], isMarkup: Bool = false) {
        self.scalars = Array(scalars)
        self.isMarkup = isMarkup
    }

    init(_ string: String) {
        scalars = Array(string.unicodeScalars)
    }

    var count: Int { scalars.count }
    var isEmpty: Bool { scalars.isEmpty }

    var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    static func == (left: Text, right: Text) -> Bool { left.scalars == right.scalars }

    func hash(into hasher: inout Hasher) { hasher.combine(scalars) }

    static func < (left: Text, right: Text) -> Bool { left.scalars.lexicographicallyPrecedes(right.scalars) }

    static func + (left: Text, right: Text) -> Text { Text(left.scalars + right.scalars) }
}

extension Text: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self.init(value) }
}
