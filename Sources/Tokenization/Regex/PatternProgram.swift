/// A pattern as instructions for `PatternMatcher`.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        /// One scalar of a set.
        case match(set: Int)
        /// `minimum...maximum` scalars of a set.
        case run(set: Int, minimum: Int, maximum: Int, PatternNode.Greed)
        case split(preferred: Int, other: Int)
        case jump(Int)
        /// Tries the body that follows, up to its `accept`, and goes on at `end` without moving.
        case look(end: Int, isNegative: Bool)
        /// Runs the body that follows, up to its `accept`, and never returns into it.
        case atomic(end: Int)
        case assertion(PatternNode.Assertion)
        case accept
    }

    /// Patterns of real tokenizers need fewer than 100.
    private static let limit = 4096

    private(set) var instructions: [Instruction] = []
    private(set) var sets: [ScalarSet] = []

    init(_ node: PatternNode) throws(PatternError) {
        try compile(node)
        try emit(.accept)
    }

    private mutating func emit(_ instruction: Instruction) throws(PatternError) {
        guard instructions.count < Self.limit else {
            throw .tooLarge(steps: instructions.count + 1, limit: Self.limit)
        }
        instructions.append(instruction)
    }

    private mutating func index(of set: ScalarSet) -> Int {
        if let index = sets.firstIndex(of: set) { return index }
        sets.append(set)
        return sets.count - 1
    }

    private mutating func compile(_ node: PatternNode) throws(PatternError) {
        switch node {
        case .empty: break
        case .set(let set): try emit(.match(set: index(of: set)))
        case .sequence(let nodes): for node in nodes { try compile(node) }
        case .alternation(let nodes): try compileAlternation(nodes[...])
        case .repetition(.set(let set), let minimum, let maximum, let greed):
            try emit(.run(set: index(of: set), minimum: minimum, maximum: maximum ?? .max, greed))
        case .repetition(let body, let minimum, let maximum, .possessive):
            try compileBody(.repetition(body, minimum: minimum, maximum: maximum, .greedy)) { .atomic(end: $0) }
        case .repetition(let body, let minimum, let maximum, let greed):
            try compileRepetition(body, minimum, maximum, isLazy: greed == .lazy)
        case .look(let body, let isNegative):
            try compileBody(body) { .look(end: $0, isNegative: isNegative) }
        case .atomic(let body): try compileBody(body) { .atomic(end: $0) }
        case .assertion(let assertion): try emit(.assertion(assertion))
        }
    }

    private mutating func compileBody(
        _ body: PatternNode,
        opening: (Int) -> Instruction
    ) throws(PatternError) {
        let start = instructions.count
        try emit(.accept)
        try compile(body)
        try emit(.accept)
        instructions[start] = opening(instructions.count)
    }

    private mutating func compileAlternation(_ nodes: ArraySlice<PatternNode>) throws(PatternError) {
        guard let first = nodes.first else { return }
        guard nodes.count > 1 else { return try compile(first) }
        let split = instructions.count
        try emit(.accept)
        try compile(first)
        let jump = instructions.count
        try emit(.accept)
        instructions[split] = .split(preferred: split + 1, other: instructions.count)
        try compileAlternation(nodes.dropFirst())
        instructions[jump] = .jump(instructions.count)
    }

    private mutating func compileRepetition(
        _ body: PatternNode,
        _ minimum: Int,
        _ maximum: Int?,
        isLazy: Bool
    ) throws(PatternError) {
        for _ in 0..<minimum { try compile(body) }
        var splits: [Int] = []
        for _ in minimum..<(maximum ?? minimum + 1) {
            splits.append(instructions.count)
            try emit(.accept)
            try compile(body)
        }
        if maximum == nil, let loop = splits.first { try emit(.jump(loop)) }
        let end = instructions.count
        for split in splits {
            instructions[split] =
                isLazy ? .split(preferred: end, other: split + 1) : .split(preferred: split + 1, other: end)
        }
    }
}
