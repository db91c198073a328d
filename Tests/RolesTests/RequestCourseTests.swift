import Cluster
import Core
import Engine
import Testing

@testable import Roles

/// Whatever happens to a request, its client gets each token once and then one end.
@Suite struct RequestCourseTests {
    private let one = RunnerID(1)
    private let two = RunnerID(2)

    private func token(_ index: Int, _ id: Int32 = 5) -> GenerationEvent {
        .token(GeneratedToken(index: index, id: TokenID(id)))
    }

    private func course(maxTokens: Int = 10, stops: [TokenID] = []) -> RequestCourse {
        var course = RequestCourse(stop: StopConditions(maxTokens: maxTokens, tokenIDs: stops))
        #expect(course.handle(.place(one, address: "a", attempt: 1)) == [.open(one, address: "a", stream: 1)])
        return course
    }

    @Test func `tokens pass, and the end ends`() {
        var course = course()
        #expect(course.handle(.event(token(0), stream: 1)) == [.deliver(token(0))])
        let end = course.handle(.event(.finished(.length), stream: 1))
        #expect(end == [.close(stream: 1), .deliver(.finished(.length)), .end])
        #expect(course.handle(.cancel) == [])
        #expect(course.handle(.event(.finished(.length), stream: 1)) == [])
    }

    @Test func `a move closes the old stream, whose late tokens are dropped`() {
        var course = course()
        _ = course.handle(.event(token(0), stream: 1))
        let move = course.handle(.place(two, address: "b", attempt: 1))
        #expect(move == [.close(stream: 1), .open(two, address: "b", stream: 2)])
        #expect(course.handle(.event(token(1), stream: 1)) == [])
        #expect(course.handle(.broken("closed", stream: 1, wasAccepted: true)) == [])
        #expect(course.handle(.event(token(1), stream: 2)) == [.deliver(token(1))])
    }

    @Test func `a place where the request is already, and one for an earlier question, change nothing`() {
        var course = course()
        #expect(course.handle(.place(one, address: "a", attempt: 1)) == [])
        #expect(course.handle(.broken("gone", stream: 1, wasAccepted: true)) == [.close(stream: 1), .ask])
        #expect(course.attempt == 2 && course.lost == one)
        #expect(course.handle(.place(one, address: "a", attempt: 1)) == [])
        #expect(course.handle(.refuse(attempt: 1)) == [])
        #expect(course.handle(.place(two, address: "b", attempt: 2)) == [.open(two, address: "b", stream: 2)])
    }

    @Test func `a token twice is dropped, and a gap resumes`() {
        var course = course()
        _ = course.handle(.event(token(0), stream: 1))
        #expect(course.handle(.event(token(0), stream: 1)) == [])
        #expect(course.handle(.event(token(2), stream: 1)) == [.close(stream: 1), .ask])
        #expect(course.tokens.count == 1)
    }

    @Test func `a stream that breaks after the last token ends the request`() {
        var length = course(maxTokens: 1)
        _ = length.handle(.event(token(0), stream: 1))
        let expected: [RequestCourse.Action] = [.close(stream: 1), .deliver(.finished(.length)), .end]
        #expect(length.handle(.broken("gone", stream: 1, wasAccepted: true)) == expected)
        var stopped = course(stops: [TokenID(9)])
        _ = stopped.handle(.event(token(0, 9), stream: 1))
        let end = stopped.handle(.broken("gone", stream: 1, wasAccepted: true))
        #expect(end == [.close(stream: 1), .deliver(.finished(.stop(TokenID(9)))), .end])
    }

    @Test func `a move after the last token ends the request`() {
        var length = course(maxTokens: 1)
        _ = length.handle(.event(token(0), stream: 1))
        let expected: [RequestCourse.Action] = [.close(stream: 1), .deliver(.finished(.length)), .end]
        #expect(length.handle(.place(two, address: "b", attempt: 1)) == expected)
        var stopped = course(stops: [TokenID(9)])
        _ = stopped.handle(.event(token(0, 9), stream: 1))
        let end = stopped.handle(.place(two, address: "b", attempt: 1))
        #expect(end == [.close(stream: 1), .deliver(.finished(.stop(TokenID(9)))), .end])
    }

    @Test func `a runner's own end is not the request's`() {
        var course = course()
        #expect(course.handle(.event(.finished(.cancelled), stream: 1)) == [.close(stream: 1), .ask])
        for error in [
            EngineError.draining, .stopped, .queueFull(limit: 1), .backend("x"), .noRoom(blocks: 2, limit: 1),
        ] {
            var course = self.course()
            #expect(course.handle(.event(.failed(error), stream: 1)) == [.close(stream: 1), .ask])
        }
    }

    @Test func `what is wrong with the request itself fails at once`() {
        for error in [EngineError.emptyPrompt, .promptTooLong(tokens: 2, limit: 1)] {
            var course = course()
            #expect(
                course.handle(.event(.failed(error), stream: 1)) == [.close(stream: 1), .deliver(.failed(error)), .end]
            )
        }
    }

    @Test func `a context filled before a move is an end by length`() {
        var course = course()
        _ = course.handle(.event(token(0), stream: 1))
        let end = course.handle(.event(.failed(.promptTooLong(tokens: 9, limit: 8)), stream: 1))
        #expect(end == [.close(stream: 1), .deliver(.finished(.length)), .end])
    }

    @Test func `a request that fails everywhere fails in the end, one that cannot be reached does not`() {
        var course = RequestCourse(stop: StopConditions(maxTokens: 5))
        var rounds = 0
        while course.phase != .ended {
            rounds += 1
            _ = course.handle(.place(one, address: "a", attempt: course.attempt))
            _ = course.handle(.broken("died", stream: rounds, wasAccepted: true))
        }
        #expect(rounds == RequestCourse.fruitlessLimit)
        var patient = RequestCourse(stop: StopConditions(maxTokens: 5))
        for round in 1...100 {
            _ = patient.handle(.place(one, address: "a", attempt: patient.attempt))
            #expect(
                patient.handle(.broken("refused", stream: round, wasAccepted: false)) == [.close(stream: round), .ask]
            )
        }
    }

    @Test func `an adapter that runners cannot have fails the request soon, and says what is missing`() {
        var course = RequestCourse(stop: StopConditions(maxTokens: 5))
        var last: [RequestCourse.Action] = []
        for round in 1...RequestCourse.adapterLimit {
            _ = course.handle(.place(one, address: "a", attempt: course.attempt))
            last = course.handle(.adapterUnavailable("unknown", stream: round))
        }
        guard case .deliver(.failed(.backend(let reason)))? = last.dropFirst().first else {
            Issue.record("\(last)")
            return
        }
        #expect(reason.contains("unknown") && reason.contains("--publish"))
        #expect(last.last == .end)
    }

    @Test(arguments: 0..<200)
    func `whatever comes in whatever order, tokens are whole and the end is one`(_ seed: Int) {
        var generator = Generator(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1)
        var course = RequestCourse(stop: StopConditions(maxTokens: 30))
        var (delivered, ends) = ([Int](), 0)
        /// How far each stream has got. An engine looks for the end after each token, not before its first.
        var positions: [Int: (first: Int, next: Int)] = [:]
        for _ in 0..<2000 {
            let stream = positions.keys.sorted().randomElement(using: &generator) ?? 0
            let input: RequestCourse.Input
            switch Int.random(in: 0..<20, using: &generator) {
            case 0:
                input = .place(
                    [one, two].randomElement(using: &generator) ?? one,
                    address: "a",
                    attempt: course.attempt
                )
            case 1: input = .place(two, address: "b", attempt: course.attempt &- 1)
            case 2: input = .broken("x", stream: stream, wasAccepted: false)
            case 3: input = .event(.failed(.draining), stream: stream)
            default:
                let (first, next) = positions[stream] ?? (0, 0)
                if next < 30 || next == first {
                    input = .event(token(next, Int32(next)), stream: stream)
                    positions[stream] = (first, next + 1)
                } else {
                    input = .event(.finished(.length), stream: stream)
                }
            }
            for action in course.handle(input) {
                switch action {
                case .open(_, _, let stream): positions[stream] = (course.tokens.count, course.tokens.count)
                case .deliver(.token(let token)):
                    #expect(ends == 0)
                    delivered.append(token.index)
                case .deliver(.finished), .deliver(.failed): ends += 1
                default: break
                }
            }
        }
        _ = course.handle(.cancel)
        #expect(delivered == Array(0..<delivered.count))
        #expect(ends <= 1 && (ends == 0 || delivered.count == 30))
    }
}

/// Xorshift: the same numbers for the same seed.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
