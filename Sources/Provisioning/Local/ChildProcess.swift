import Subprocess
import SystemPackage

/// Starts a process that outlives the call, and tells how it ended.
enum ChildProcess {
    /// - Parameters:
    ///   - environment: added to this process's own.
    ///   - log: a file to which its output is appended; nil gives it this process's outputs.
    ///   - onStart: called with the process's number before anything is told of its end.
    ///   - onEnd: called once, with words such as `exited(1)`; nil if it ended with status 0.
    static func start(
        _ words: [String],
        environment: [String: String],
        log: String?,
        onStart: @escaping @Sendable (_ pid: Int32) async -> Void,
        onEnd: @escaping @Sendable (_ failure: String?) async -> Void
    ) async throws(PoolError) {
        guard let program = words.first else { preconditionFailure("an empty command") }
        let (output, error) = try outputs(log)
        let started = await withCheckedContinuation { (started: CheckedContinuation<Result<Void, PoolError>, Never>) in
            Task {
                let end = await run(words, environment, output, error) { pid in
                    await onStart(pid)
                    started.resume(returning: .success(()))
                }
                switch end {
                case .ended(let status): await onEnd(status.isSuccess ? nil : "\(status)")
                case .neverStarted(let reason):
                    started.resume(returning: .failure(.cannotStart(program: program, reason: reason)))
                }
            }
        }
        try started.get()
    }

    private enum End {
        case ended(TerminationStatus)
        case neverStarted(reason: String)
    }

    private static func run(
        _ words: [String],
        _ environment: [String: String],
        _ output: FileDescriptorOutput,
        _ error: FileDescriptorOutput,
        _ onStart: @Sendable (Int32) async -> Void
    ) async -> End {
        var options = PlatformOptions()
        // What is typed at this process's terminal is not meant for its runners.
        options.createSession = true
        let added = environment.map { (Environment.Key(stringLiteral: $0.key), Optional($0.value)) }
        var hasStarted = false
        do {
            let result = try await Subprocess.run(
                words[0].contains("/") ? .path(FilePath(words[0])) : .name(words[0]),
                arguments: Arguments(Array(words.dropFirst())),
                environment: .inherit.updating(Dictionary(uniqueKeysWithValues: added)),
                platformOptions: options,
                input: .none,
                output: output,
                error: error
            ) { execution in
                hasStarted = true
                await onStart(execution.processIdentifier.value)
            }
            return .ended(result.terminationStatus)
        } catch {
            // After its start only waiting for it can fail; its end is then all that is known.
            return hasStarted ? .ended(.exited(-1)) : .neverStarted(reason: "\(error)")
        }
    }

    private static func outputs(_ log: String?) throws(PoolError) -> (FileDescriptorOutput, FileDescriptorOutput) {
        guard let log else { return (.currentStandardOutput, .currentStandardError) }
        do {
            let file = try FileDescriptor.open(
                FilePath(log),
                .writeOnly,
                options: [.create, .append, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead]
            )
            let copy = try file.duplicate()
            return (
                .fileDescriptor(file, closeAfterSpawningProcess: true),
                .fileDescriptor(copy, closeAfterSpawningProcess: true)
            )
        } catch {
            throw .cannotStart(program: "a runner", reason: "cannot open \(log): \(error)")
        }
    }
}
