import Frontend
import Hummingbird
import NIOCore
import OpenAI

/// Writes a generation as server-sent events.
struct EventStream: Sendable {
    let generation: Generation
    let format: any AnswerFormat
    /// Whether the last chunk is one of usage.
    let reportsUsage: Bool
    let stallTimeout: Duration
    let failures: FailureLog

    /// Writes to the end; a client that goes or stalls ends the generation.
    func write(to writer: inout any ResponseBodyWriter, context: ConnectionContext) async throws {
        let watch = await context.whenClientGoes { generation.cancel() }
        let stall = StallGuard(limit: stallTimeout, channel: context.channel)
        let watching = Task { await stall.run() }
        defer { watching.cancel() }
        var opened: Set<Int> = []
        for await update in generation.updates {
            if case .failed(let error) = update { failures.note(.frontend(error), context) }
            let chunk = bytes(of: update, opened: &opened)
            stall.beginWrite()
            do {
                try await writer.write(ByteBuffer(bytes: chunk))
            } catch {
                generation.cancel()
                throw error
            }
            stall.endWrite()
            if case .delta = update { continue }
            withExtendedLifetime(watch) {}
            return try await writer.finish(nil)
        }
        // This task was cancelled: the connection is closed without an end, so that the client notices.
        throw FrontendError.cancelled
    }

    private func bytes(of update: GenerationUpdate, opened: inout Set<Int>) -> [UInt8] {
        switch update {
        case .delta(let delta):
            let isFirst = opened.insert(delta.index).inserted
            let opening = isFirst ? format.json(openingChoice: delta.index).map(ServerSentEvent.data) : nil
            return (opening ?? []) + ServerSentEvent.data(format.json(delta: delta))
        case .finished(let usage):
            return (reportsUsage ? ServerSentEvent.data(format.json(usage: usage)) : []) + ServerSentEvent.done
        case .failed(let error):
            return ServerSentEvent.data(ServerError.frontend(error).body.json)
        }
    }
}
