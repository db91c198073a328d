import Adapters
import Core
import Engine
import Frontend
import Synchronization

/// An engine without a model: its tokens depend on seed and position alone, and come at a steady pace.
final class SteadySource: TokenSource {
    private struct State {
        var tasks: [RequestID: Task<Void, Never>] = [:]
        var submitted = 0
        var isBroken = false
    }

    private let pace: Duration
    private let state = Mutex(State())

    init(pace: Duration = .milliseconds(2)) { self.pace = pace }

    /// What an undisturbed request gives.
    static func tokens(seed: UInt64, count: Int) -> [TokenID] { (0..<count).map { token(seed: seed, index: $0) } }

    private static func token(seed: UInt64, index: Int) -> TokenID {
        let mixed = (seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
        return TokenID(Int32(mixed >> 40) % 250)
    }

    var submittedCount: Int { state.withLock { $0.submitted } }
    var openCount: Int { state.withLock { $0.tasks.count } }
    var isBroken: Bool {
        get { state.withLock { $0.isBroken } }
        set { state.withLock { $0.isBroken = newValue } }
    }

    var statistics: EngineStatistics {
        var statistics = EngineStatistics()
        statistics.running = openCount
        statistics.blockCount = 1000
        statistics.freeBlocks = 1000
        return statistics
    }

    func submit(_ request: GenerationRequest) throws(EngineError) -> GenerationEvents {
        if isBroken { throw .backend("broken") }
        let (events, sender) = GenerationEvents.make()
        let (id, pace) = (request.id, pace)
        let task = Task { [weak self] in
            var index = request.generated.count
            while index < request.stop.maxTokens {
                do { try await Task.sleep(for: pace) } catch { break }
                sender.send(
                    .token(GeneratedToken(index: index, id: Self.token(seed: request.sampling.seed, index: index)))
                )
                index += 1
            }
            sender.send(.finished(index == request.stop.maxTokens ? .length : .cancelled))
            self?.state.withLock { $0.tasks[id] = nil }
        }
        state.withLock { state in
            state.submitted += 1
            state.tasks[id] = task
        }
        sender.onCancel { task.cancel() }
        return events
    }

    func cancel(_ id: RequestID) { state.withLock { $0.tasks[id] }?.cancel() }
}
