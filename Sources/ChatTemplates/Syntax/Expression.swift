/// An expression of a template, with the line it stands on and the depth of its tree.
struct Expression: Sendable {
    indirect enum Kind: Sendable {
        case literal(Value)
        case name(String)
        case list([Expression])
        case tuple([Expression])
        case dictionary([(key: Expression, value: Expression)])
        case attribute(Expression, String)
        case item(Expression, Expression)
        case slice(Expression, Slice)
        case call(Expression, CallArguments)
        /// A missing subject is the text of a filter block.
        case filter(Expression?, String, CallArguments)
        case test(Expression, String, CallArguments)
        case unary(UnaryOperator, Expression)
        case binary(BinaryOperator, Expression, Expression)
        case concatenation([Expression])
        case comparison(Expression, [(ComparisonOperator, Expression)])
        case and(Expression, Expression)
        case or(Expression, Expression)
        case conditional(test: Expression, then: Expression, otherwise: Expression?)
    }

    let kind: Kind
    let line: Int
    let depth: Int
}

struct Slice: Sendable {
    let start: Expression?
    let stop: Expression?
    let step: Expression?
}

/// The arguments as written at a call: `f(1, name=2, *list, **mapping)`.
struct CallArguments: Sendable {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []
    var spread: Expression?
    var namedSpread: Expression?

    var expressions: [Expression] {
        positional + named.map(\.value) + [spread, namedSpread].compactMap { $0 }
    }
}

enum UnaryOperator: Sendable { case minus, not, plus }

enum BinaryOperator: String, Sendable {
    case add = "+"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
    case multiply = "*"
    case power = "**"
    case subtract = "-"
}

enum ComparisonOperator: String, Sendable {
    case contains = "in"
    case equal = "=="
    case greater = ">"
    case greaterOrEqual = ">="
    case less = "<"
    case lessOrEqual = "<="
    case missing = "not in"
    case notEqual = "!="
}
