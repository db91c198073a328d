import NIOCore
import Synchronization

/// Notices when a client is gone, also while nothing is written to it.
///
/// A client that closes only its sending half counts as gone: HTTP/1 clients do that when they leave.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = NIOAny

    /// Withdraws the action when dropped.
    final class Ticket: Sendable {
        private let watch: ConnectionWatch
        private let number: Int

        fileprivate init(_ watch: ConnectionWatch, number: Int) {
            self.watch = watch
            self.number = number
        }

        deinit { watch.forget(number) }
    }

    private struct State {
        var isGone = false
        var actions: [Int: @Sendable () -> Void] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Runs `action` at most once, when the client goes or now if it has gone, unless the ticket is dropped before.
    func whenGone(_ action: @escaping @Sendable () -> Void) -> Ticket {
        let (number, isGone) = state.withLock { state in
            defer { state.next += 1 }
            if !state.isGone { state.actions[state.next] = action }
            return (state.next, state.isGone)
        }
        if isGone { action() }
        return Ticket(self, number: number)
    }

    private func forget(_ number: Int) {
        // Released outside the lock: dropping an action may drop what it holds.
        _ = state.withLock { $0.actions.removeValue(forKey: number) }
    }

    private func clientWent() {
        let actions = state.withLock { state in
            defer { state.actions = [:] }
            state.isGone = true
            return state.actions
        }
        for action in actions.values { action() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { clientWent() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        clientWent()
        context.fireChannelInactive()
    }
}
