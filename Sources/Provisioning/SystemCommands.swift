import Subprocess

/// Runs commands of this machine, each within a time.
package struct SystemCommands: CommandRunner {
    private static let outputLimit = 16 << 20
    private let timeout: Duration

    package init(timeout: Duration = .seconds(30)) { self.timeout = timeout }

    package func run(_ command: [String], input: String) async throws(PoolError) -> String {
        guard let program = command.first else { preconditionFailure("an empty command") }
        let result = await withTaskGroup(of: Result<String, PoolError>?.self) { group in
            group.addTask { await Self.outcome(program, Array(command.dropFirst()), input) }
            group.addTask { [timeout] in
                try? await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        let text = command.joined(separator: " ")
        guard let result else { throw .command(command: text, status: "no answer in \(timeout)", output: "") }
        return try result.get()
    }

    private static func outcome(
        _ program: String,
        _ arguments: [String],
        _ input: String
    ) async -> Result<String, PoolError> {
        do {
            let result = try await Subprocess.run(
                .name(program),
                arguments: Arguments(arguments),
                input: .string(input),
                output: .string(limit: outputLimit),
                error: .string(limit: outputLimit)
            )
            guard result.terminationStatus.isSuccess else {
                let text = ([program] + arguments).joined(separator: " ")
                let status = "\(result.terminationStatus)"
                return .failure(.command(command: text, status: status, output: result.standardError))
            }
            return .success(result.standardOutput)
        } catch {
            return .failure(.cannotStart(program: program, reason: "\(error)"))
        }
    }
}
