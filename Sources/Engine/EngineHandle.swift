internal import Adapters
package import Core
package import Models
internal import Synchronization

/// An engine at work on its own thread, as everybody else sees it. Stops when `stop` is called, not by itself.
package final class EngineHandle: Sendable {
    package let vocabularySize: Int
    package let configuration: EngineConfiguration
    private let mailbox: Mailbox
    private let delivery: EventDelivery
    private let published: PublishedStatistics
    private let intake = Mutex(Intake())

    private struct Intake {
        var acceptedCount = 0
        var isDraining = false
        var isStopped = false
        /// Whether the engine's thread has given back everything.
        var hasEnded = false
    }

    /// Starts an engine.
    ///
    /// - Parameter makeRunner: called on the engine's thread, where the runner then stays.
    /// - Throws: what `makeRunner` throws.
    package static func start<Runner: ModelRunner & SendableMetatype & ~Copyable>(
        _ configuration: EngineConfiguration,
        makeRunner: @escaping @Sendable () throws -> Runner
    ) async throws -> EngineHandle {
        try await withCheckedThrowingContinuation { started in
            startThread {
                do {
                    let handle = try serve(configuration, makeRunner) { started.resume(returning: $0) }
                    // By now the runner is gone, and with it the device's memory.
                    handle.intake.withLock { $0.hasEnded = true }
                } catch {
                    started.resume(throwing: error)
                }
            }
        }
    }

    /// Makes a runner and drives it until the engine is stopped; all of it lives and ends in here.
    private static func serve<Runner: ModelRunner & ~Copyable>(
        _ configuration: EngineConfiguration,
        _ makeRunner: () throws -> Runner,
        started: (EngineHandle) -> Void
    ) throws -> EngineHandle {
        let runner = try makeRunner()
        let vocabularySize = runner.vocabularySize
        let engine = try Engine(configuration, runner: runner)
        let handle = EngineHandle(configuration, vocabularySize: vocabularySize)
        var loop = EngineLoop(
            engine: engine,
            mailbox: handle.mailbox,
            delivery: handle.delivery,
            published: handle.published
        )
        started(handle)
        loop.run()
        return handle
    }

    private init(_ configuration: EngineConfiguration, vocabularySize: Int) {
        self.configuration = configuration
        self.vocabularySize = vocabularySize
        mailbox = Mailbox()
        delivery = EventDelivery()
        published = PublishedStatistics()
        let delivery = delivery
        startThread { delivery.run() }
    }

    package var maxSequenceLength: Int { configuration.maxSequenceLength }

    /// The counters of the engine, as of the last step but a few, and up to date whenever no request runs; blocks are
    /// a step later, which a GPU may be computing in vain.
    package var statistics: EngineStatistics { published.value }

    /// Requests accepted whose last event is not delivered yet.
    package var openCount: Int { intake.withLock { $0.acceptedCount } - delivery.endedCount }

    /// Queues a request.
    ///
    /// - Returns: its events; dropping them or cancelling their reader cancels the request.
    /// - Throws: why it is refused; it then has no events.
    package func submit(_ request: GenerationRequest) throws(EngineError) -> GenerationEvents {
        try validate(request)
        let (events, sender) = GenerationEvents.make()
        let (id, mailbox) = (request.id, mailbox)
        if let refusal = accept(Submission(request: request, events: sender)) { throw refusal }
        sender.onCancel { mailbox.put(.cancel(id)) }
        return events
    }

    /// Queues a submission, or says why not. Under one lock with `stop`, so that none arrives after the last message.
    private func accept(_ submission: Submission) -> EngineError? {
        intake.withLock { intake in
            if intake.isStopped { return .stopped }
            if intake.isDraining { return .draining }
            if intake.acceptedCount - delivery.endedCount >= configuration.maxWaiting + configuration.maxSequences {
                return .queueFull(limit: configuration.maxWaiting)
            }
            intake.acceptedCount += 1
            mailbox.put(.submit(submission))
            return nil
        }
    }

    /// Ends a request before the next step; its last event says so. Nothing happens if it has ended.
    package func cancel(_ id: RequestID) { mailbox.put(.cancel(id)) }

    /// Refuses new requests and returns when all accepted ones have ended.
    package func drain() async {
        intake.withLock { $0.isDraining = true }
        await waitUntilAllEnded()
    }

    /// Cancels what is left and returns when every request has had its last event and the device's memory is free.
    package func stop() async {
        intake.withLock { intake in
            if !intake.isStopped { mailbox.put(.stop) }
            intake.isDraining = true
            intake.isStopped = true
        }
        await waitUntilAllEnded()
        await Task.detached { [self] in
            while !intake.withLock({ $0.hasEnded }) { try? await Task.sleep(for: .milliseconds(5)) }
        }.value
    }

    /// Looks every few milliseconds, also in a cancelled task, whose own sleep would return at once.
    private func waitUntilAllEnded() async {
        await Task.detached { [self] in
            while openCount > 0 { try? await Task.sleep(for: .milliseconds(5)) }
        }.value
    }

    private func validate(_ request: GenerationRequest) throws(EngineError) {
        let count = request.prompt.count + request.generated.count
        guard !request.prompt.isEmpty else { throw .emptyPrompt }
        guard count < configuration.maxSequenceLength else {
            throw .promptTooLong(tokens: count, limit: configuration.maxSequenceLength - 1)
        }
        let vocabulary = 0..<Int32(vocabularySize)
        for tokens in [request.prompt, request.generated] {
            if let token = tokens.first(where: { !vocabulary.contains($0.rawValue) }) {
                throw .tokenOutOfRange(token: token, vocabularySize: vocabularySize)
            }
        }
    }
}

/// The last statistics an engine published.
final class PublishedStatistics: Sendable {
    private let statistics = Mutex(EngineStatistics())

    var value: EngineStatistics {
        get { statistics.withLock { $0 } }
        set { statistics.withLock { $0 = newValue } }
    }
}
