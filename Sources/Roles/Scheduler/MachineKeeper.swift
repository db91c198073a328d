package import Logging

/// Asks a pool for machines and gives them back, without anybody waiting.
package struct MachineKeeper: Sendable {
    private let acquireMachines: @Sendable (Int) async throws -> Int
    private let releaseMachine: @Sendable (String) async throws -> String?
    private let pause: Duration
    private let logger: Logger

    /// - Parameters:
    ///   - acquire: returns how many were given.
    ///   - release: returns nil, or the machine that must go before this one can.
    ///   - pause: how long a pool is left alone that did not give what it was asked for.
    package init(
        acquire: @escaping @Sendable (Int) async throws -> Int,
        release: @escaping @Sendable (String) async throws -> String?,
        pause: Duration = .seconds(1),
        logger: Logger
    ) {
        acquireMachines = acquire
        releaseMachine = release
        self.pause = pause
        self.logger = logger
    }

    /// - Parameter onMissing: called with how many could not be had, after the pause.
    func acquire(_ count: Int, onMissing: @escaping @Sendable (Int) async -> Void) {
        Task {
            var given = 0
            do {
                given = try await acquireMachines(count)
                logger.notice("machines asked for", metadata: ["wanted": "\(count)", "given": "\(given)"])
            } catch {
                logger.error("no machines", metadata: ["wanted": "\(count)", "reason": "\(error)"])
            }
            guard given < count else { return }
            // The scheduler asks again at its next tick.
            try? await Task.sleep(for: pause)
            await onMissing(count - given)
        }
    }

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
