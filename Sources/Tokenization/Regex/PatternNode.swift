/// A pattern as a tree.
indirect enum PatternNode {
    case empty
    case set(ScalarSet)
    case sequence([PatternNode])
    case alternation([PatternNode])
    case repetition(PatternNode, minimum: Int, maximum: Int?, Greed)
    case look(PatternNode, isNegative: Bool)
    case atomic(PatternNode)
    case assertion(Assertion)

    /// How much a repetition takes, and whether it gives back.
    enum Greed: Sendable {
        case greedy, lazy, possessive
    }

    /// A place in the text.
    enum Assertion: Sendable {
        case lineStart, lineEnd, textStart, textEnd, textEndBeforeNewline, wordBoundary, notWordBoundary
    }

    var canBeEmpty: Bool {
        switch self {
        case .empty, .look, .assertion: true
        case .set: false
        case .sequence(let nodes): nodes.allSatisfy(\.canBeEmpty)
        case .alternation(let nodes): nodes.contains(where: \.canBeEmpty)
        case .repetition(let node, let minimum, _, _): minimum == 0 || node.canBeEmpty
        case .atomic(let node): node.canBeEmpty
        }
    }
}
