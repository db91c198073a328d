/// Runs a program over one text by backtracking.
///
/// Once a text has cost far more steps than its length, the matcher remembers the (instruction, position)
/// pairs that led nowhere, which bounds the remaining work by program size × text length.
struct PatternMatcher {
    /// Where to go on after a failure.
    private struct Frame {
        var instruction: Int
        var position: Int
        /// How far a greedy run may give back, or how many scalars a lazy one may still take.
        var bound: Int
        var kind: Kind

        enum Kind { case plain, greedyRun, lazyRun }
    }

    private let program: PatternProgram
    private var frames: [Frame] = []
    private var stepsLeft: Int
    private var deadEnds: Set<Int> = []
    private var journal: [Int] = []

    init(_ program: PatternProgram, textLength: Int) {
        self.program = program
        stepsLeft = 4096 + 64 * textLength
    }

    /// The end of the match that starts at `start`, if there is one.
    mutating func match(_ text: Span<UInt8>, at start: Int) -> Int? {
        run(text, from: 0, at: start)
    }

    private mutating func run(_ text: Span<UInt8>, from entry: Int, at start: Int) -> Int? {
        let base = frames.count
        let journalBase = journal.count
        var pc = entry
        var position = start
        while true {
            stepsLeft &-= 1
            var isAlive = true
            switch program.instructions[pc] {
            case .accept:
                frames.removeLast(frames.count - base)
                // What was passed on the way to success is no dead end.
                for key in journal[journalBase...] { deadEnds.remove(key) }
                journal.removeLast(journal.count - journalBase)
                return position
            case .match(let set):
                let length = program.sets[set].matchLength(text, at: position)
                isAlive = length > 0
                position += length
                pc += 1
            case .run(let set, let minimum, let maximum, let greed):
                isAlive = take(text, set, minimum, maximum, greed, pc, &position)
                pc += 1
            case .split(let preferred, let other):
                frames.append(Frame(instruction: other, position: position, bound: 0, kind: .plain))
                pc = preferred
            case .jump(let target): pc = target
            case .look(let end, let isNegative):
                isAlive = (run(text, from: pc + 1, at: position) == nil) == isNegative
                pc = end
            case .atomic(let end):
                let stop = run(text, from: pc + 1, at: position)
                isAlive = stop != nil
                position = stop ?? position
                pc = end
            case .assertion(let assertion):
                isAlive = assertion.holds(text, at: position)
                pc += 1
            }
            if !isAlive {
                guard let (next, place) = resume(text, above: base) else { return nil }
                (pc, position) = (next, place)
            }
        }
    }

    /// Takes a run of scalars from `position`; false where fewer than `minimum` are there.
    private mutating func take(
        _ text: Span<UInt8>,
        _ index: Int,
        _ minimum: Int,
        _ maximum: Int,
        _ greed: PatternNode.Greed,
        _ pc: Int,
        _ position: inout Int
    ) -> Bool {
        let goal = greed == .lazy ? minimum : maximum
        var count = 0
        var low = position
        while count < goal {
            if count >= minimum, maximum == .max, stepsLeft < 0, greed == .greedy, !mark(pc, position) { break }
            let length = program.sets[index].matchLength(text, at: position)
            guard length > 0 else { break }
            position += length
            count += 1
            if count == minimum { low = position }
        }
        guard count >= minimum else { return false }
        switch greed {
        case .greedy where position > low:
            frames.append(Frame(instruction: pc + 1, position: position, bound: low, kind: .greedyRun))
        case .lazy where maximum > count:
            frames.append(Frame(instruction: pc, position: position, bound: maximum - count, kind: .lazyRun))
        default: break
        }
        return true
    }

    /// Pops to the newest alternative that is not known to fail.
    private mutating func resume(_ text: Span<UInt8>, above base: Int) -> (instruction: Int, position: Int)? {
        while frames.count > base, var frame = frames.popLast() {
            stepsLeft &-= 1
            switch frame.kind {
            case .plain: break
            case .greedyRun:
                frame.position = text.scalarStart(before: frame.position)
                if frame.position > frame.bound { frames.append(frame) }
            case .lazyRun:
                guard let next = extend(text, frame) else { continue }
                frame = next
            }
            if stepsLeft >= 0 || mark(frame.instruction, frame.position) {
                return (frame.instruction, frame.position)
            }
        }
        return nil
    }

    private mutating func extend(_ text: Span<UInt8>, _ frame: Frame) -> Frame? {
        guard case .run(let set, _, _, _) = program.instructions[frame.instruction] else { return nil }
        let length = program.sets[set].matchLength(text, at: frame.position)
        guard length > 0 else { return nil }
        var next = frame
        next.position += length
        next.bound -= 1
        if next.bound > 0 { frames.append(next) }
        return Frame(instruction: frame.instruction + 1, position: next.position, bound: 0, kind: .plain)
    }

    /// Notes that a state is being tried; false where it was tried before.
    private mutating func mark(_ instruction: Int, _ position: Int) -> Bool {
        let key = position * program.instructions.count + instruction
        guard deadEnds.insert(key).inserted else { return false }
        journal.append(key)
        return true
    }
}

extension ScalarSet {
    /// Bytes of the scalar at `position` if the set holds it, else 0.
    @inline(__always)
    func matchLength(_ text: Span<UInt8>, at position: Int) -> Int {
        guard position < text.count else { return 0 }
        let byte = text[position]
        if byte < 0x80 { return contains(ascii: byte) ? 1 : 0 }
        let (scalar, length) = text.scalar(at: position)
        return contains(scalar) ? length : 0
    }
}

extension PatternNode.Assertion {
    fileprivate func holds(_ text: Span<UInt8>, at position: Int) -> Bool {
        let newline = UInt8(ascii: "\n")
        return switch self {
        case .lineStart: position == 0 || (text[position - 1] == newline && position < text.count)
        case .lineEnd: position == text.count || text[position] == newline
        case .textStart: position == 0
        case .textEnd: position == text.count
        case .textEndBeforeNewline:
            position == text.count || (position == text.count - 1 && text[position] == newline)
        case .wordBoundary: text.isWord(before: position) != text.isWord(at: position)
        case .notWordBoundary: text.isWord(before: position) == text.isWord(at: position)
        }
    }
}

extension Span<UInt8> {
    private static let word = ScalarSet(.word)

    fileprivate func isWord(at position: Int) -> Bool { Self.word.matchLength(self, at: position) > 0 }

    fileprivate func isWord(before position: Int) -> Bool {
        position > 0 && isWord(at: scalarStart(before: position))
    }
}
