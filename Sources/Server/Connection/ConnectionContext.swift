import Hummingbird
import Logging
import NIOCore

/// What a request's handling knows of its connection.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Runs `action` once the client is gone, at once if it is; nil where there is no connection, as in tests.
    func whenClientGoes(_ action: @escaping @Sendable () -> Void) async -> ConnectionWatch.Ticket? {
        guard let watch = try? await channel.pipeline.handler(type: ConnectionWatch.self).get() else { return nil }
        return watch.whenGone(action)
    }

    /// Closes the connection a moment after what was written has had time to leave.
    func closeSoon() {
        _ = channel.eventLoop.scheduleTask(in: .seconds(1)) { [channel] in channel.close(promise: nil) }
    }
}
