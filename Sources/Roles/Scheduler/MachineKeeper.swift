package import Logging

/// Asks a pool for machines and gives them back, without anybody waiting.
package struct MachineKeeper: Sendable {
    private let acquireMachines: @Sendable (Int) async throws -> [String]
    private let releaseMachine: @Sendable (String) async throws -> String?
    private let pause: Duration
    /// Names of machines that ended, or cannot start, without having been told to end.
    let ended: AsyncStream<String>
    private let logger: Logger

    /// - Parameters:
    ///   - acquire: returns the names of those that were given.
    ///   - release: returns nil, or the machine that must go before this one can.
    ///   - ended: names of machines that ended, or cannot start, without having been told to end.
    ///   - pause: how long a pool is left alone that did not give what it was asked for.
    package init(
        acquire: @escaping @Sendable (Int) async throws -> [String],
        release: @escaping @Sendable (String) async throws -> String?,
        ended: AsyncStream<String> = AsyncStream { $0.finish() },
        pause: Duration = .seconds(1),
        logger: Logger
    ) {
        acquireMachines = acquire
        releaseMachine = release
        self.ended = ended
        self.pause = pause
        self.logger = logger
    }

    /// - Parameters:
    ///   - onGiven: called with the names of those that were given.
    ///   - onMissing: called with how many could not be had, after the pause.
    func acquire(
        _ count: Int,
        onGiven: @escaping @Sendable ([String]) async -> Void,
        onMissing: @escaping @Sendable (Int) async -> Void
    ) {
        Task {
            var given: [String] = []
            do {
                given = try await acquireMachines(count)
                logger.notice("machines asked for", metadata: ["wanted": "\(count)", "given": "\(given.count)"])
                await onGiven(given)
            } catch {
                logger.error("no machines", metadata: ["wanted": "\(count)", "reason": "\(error)"])
            }
            guard given.count < count else { return }
            await rest()
            await onMissing(count - given.count)
        }
    }

    /// Waits before the scheduler is told what is missing, which asks again at its next tick.
    func rest() async { try? await Task.sleep(for: pause) }

    /// - Parameter onOther: called with the machine that must go before this one can.
    func release(_ machine: String, onOther: @escaping @Sendable (String) async -> Void) {
        Task {
            do {
                if let other = try await releaseMachine(machine) {
                    logger.notice(
                        "another machine goes first",
                        metadata: ["machine": "\(machine)", "first": "\(other)"]
                    )
                    return await onOther(other)
                }
                logger.notice("machine given back", metadata: ["machine": "\(machine)"])
            } catch {
                logger.error("machine not given back", metadata: ["machine": "\(machine)", "reason": "\(error)"])
            }
        }
    }
}
