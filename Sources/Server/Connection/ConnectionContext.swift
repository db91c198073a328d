import Hummingbird
import Logging
import NIOCore

/// What a request's handling knows of its connection.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// The request's id in logs and in the answer's headers.
    var requestID = ""

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Runs `action` once the client is gone, at once if it is.
    ///
    /// - Returns: withdraws the action when dropped; nil if the connection is closed already, or none as in tests.
    func whenClientGoes(_ action: @escaping @Sendable () -> Void) async -> ConnectionWatch.Ticket? {
        if let watch = try? await channel.pipeline.handler(type: ConnectionWatch.self).get() {
            return watch.whenGone(action)
        }
        // A closed channel has no handlers any more.
        channel.closeFuture.whenComplete { _ in action() }
        return nil
    }

    /// Ends the connection with this answer, so that what is left of the request is not read: it may never end.
    func close(after response: inout Response) {
        response.headers[.connection] = "close"
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(writer)
            closeSoon()
        }
    }

    /// Closes the connection a moment after what was written has had time to leave.
    private func closeSoon() {
        _ = channel.eventLoop.scheduleTask(in: .seconds(1)) { [channel] in channel.close(promise: nil) }
    }
}
