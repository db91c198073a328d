/// A statement of a template, with the line it starts on.
struct Statement: Sendable {
    indirect enum Kind: Sendable {
        case text(Text)
        case output(Expression)
        case assign(Target, Expression)
        /// `{% set x %}...{% endset %}`; the filter, if any, works on the text.
        case assignBlock(Target, filter: Expression?, [Statement])
        case branch([(test: Expression, body: [Statement])], otherwise: [Statement])
        case loop(Loop)
        case macro(Macro)
        case callBlock(Macro, Expression, CallArguments)
        case filterBlock(Expression, [Statement])
        case with([(Target, Expression)], [Statement])
        /// `{% generation %}`: marks what the assistant wrote; renders as its body in a scope of its own.
        case generation([Statement])
        case breakLoop
        case continueLoop
    }

    let kind: Kind
    let line: Int
}

/// What an assignment or a loop binds.
indirect enum Target: Sendable {
    case name(String)
    case attribute(namespace: String, String)
    case tuple([Target])
}

struct Loop: Sendable {
    let target: Target
    let iterable: Expression
    let filter: Expression?
    let isRecursive: Bool
    let body: [Statement]
    let otherwise: [Statement]
}

/// A macro, or the body of a call block, which is a macro without a name.
struct Macro: Sendable {
    let name: String?
    let parameters: [(name: String, standard: Expression?)]
    let body: [Statement]
    /// Whether the body reads `varargs`, `kwargs` or `caller`, which a macro takes only then.
    let usesVarargs: Bool
    let usesKwargs: Bool
    let usesCaller: Bool
}
