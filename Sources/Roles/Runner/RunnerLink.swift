import Cluster
import ClusterProtocol
import Core
import Foundation
import GRPCCore
import Logging
import Synchronization

/// A runner's connection to its scheduler, made again whenever it breaks: registers, then reports.
struct RunnerLink: Sendable {
    let scheduler: NetworkAddress
    let security: ClusterSecurity
    let timeouts: ClusterTimeouts
    let logger: Logger
    let description: RunnerDescription
    /// Where frontends reach the runner.
    let address: String
    let model: String
    /// The runner's state now.
    let report: @Sendable () -> RunnerReport
    /// Set when the runner is to get no more requests, by whoever decided that; a scheduler started anew is told.
    let isDraining: Flag
    /// Requests at work on the runner now.
    let openCount: @Sendable () -> Int

    /// Reports are made so often, and sent if they tell something new.
    private static let reportInterval = Duration.milliseconds(100)

    /// Returns when the scheduler tells the runner to stop and its requests have left, or when there is no scheduler and
    /// a draining runner has none, or the task is cancelled.
    func run() async {
        var backoff = Backoff()
        var incarnation: UInt64 = 0
        while !Task.isCancelled {
            let start = ContinuousClock.now
            incarnation = max(incarnation + 1, UInt64(max(0, Date().timeIntervalSince1970) * 1e9))
            do {
                if try await attach(incarnation) { return await letRequestsLeave() }
            } catch {
                if !Task.isCancelled {
                    logger.notice("no scheduler", metadata: ["address": "\(scheduler)", "reason": "\(error)"])
                }
            }
            if isDraining.isSet, openCount() == 0 { return }
            if ContinuousClock.now - start > timeouts.silence { backoff.reset() }
            try? await Task.sleep(for: backoff.delay())
        }
    }

    /// The order to stop overtakes the frontends' leaving: streams cut off under them would be taken for a failure.
    private func letRequestsLeave() async {
        let deadline = ContinuousClock.now + timeouts.silence
        while openCount() > 0, ContinuousClock.now < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// - Returns: whether the scheduler told the runner to stop.
    private func attach(_ incarnation: UInt64) async throws -> Bool {
        let connection = try ClusterConnection(to: scheduler, server: .scheduler, security: security)
        defer { connection.close() }
        let registration = RunnerRegistration(
            description: description,
            incarnation: incarnation,
            address: address,
            model: model
        )
        let request = StreamingClientRequest<WireRunnerMessage> { writer in
            try await writer.write(RunnerMessage.registration(registration).wire)
            try await tell(writer)
        }
        return try await withWatchdog(silence: timeouts.silence) { watchdog in
            try await WireScheduler.Client(wrapping: connection.client).attach(request: request) { response in
                for try await wire in response.messages {
                    watchdog.alive()
                    let order = try parsed { () throws(ProtocolError) in try RunnerOrder(wire) }
                    if order != .alive { logger.notice("order", metadata: ["order": "\(order)"]) }
                    if order == .drain { isDraining.set() }
                    if order == .stop { return true }
                }
                return false
            }
        }
    }

    private func tell(_ writer: RPCWriter<WireRunnerMessage>) async throws {
        var last: (report: RunnerReport, isDraining: Bool, time: ContinuousClock.Instant)?
        var adapters: Set<AdapterDigest>?
        while true {
            var report = report()
            let (isDraining, now) = (isDraining.isSet, ContinuousClock.now)
            let isNews = last.map { $0.report != report || $0.isDraining != isDraining } ?? true
            if isNews || last.map({ now - $0.time >= timeouts.heartbeat }) ?? true {
                last = (report, isDraining, now)
                let resident = Set(report.residentAdapters ?? [])
                if resident == adapters { report.residentAdapters = nil }
                adapters = resident
                try await writer.write(RunnerMessage.report(report, isDraining: isDraining).wire)
            }
            try await Task.sleep(for: Self.reportInterval)
        }
    }
}
