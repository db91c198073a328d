import UnixSignals

/// Runs `body` and calls `onSignal` at the first SIGTERM or SIGINT; a second one cancels the body.
func untilSignal(_ onSignal: @escaping @Sendable () -> Void, _ body: @escaping @Sendable () async throws -> Void)
    async throws
{
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await body()
            return true
        }
        group.addTask {
            var count = 0
            for await _ in signals {
                count += 1
                if count == 1 { onSignal() } else { return false }
            }
            return false
        }
        defer { group.cancelAll() }
        _ = try await group.next()
    }
}
