package import AdapterExchange

/// How the server listens, whom it lets in, and how long it waits.
package struct ServerConfiguration: Sendable {
    /// Where a socket listens.
    package struct Address: Sendable, Equatable {
        package var host: String
        /// 0 takes any free port.
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// Whether only this machine can connect.
        package var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
    }

    package var address = Address(host: "127.0.0.1", port: 8000)
    /// A port of its own for admin routes, which are then absent from the public one.
    package var adminAddress: Address?
    /// Keys of which clients must present one; empty lets everybody in.
    package var apiKeys: [String] = []
    /// The key of admin routes; without one they answer on loopback addresses only.
    package var adminKey: String?
    /// Bytes that a request's body may have.
    package var bodyLimit = 4 << 20
    /// Time for a whole body to arrive.
    package var bodyTimeout = Duration.seconds(30)
    /// Time for a whole header to arrive, and for which an unused connection stays open.
    package var idleTimeout = Duration.seconds(75)
    /// Time for which a reader may take nothing of a stream before its connection is closed.
    package var stallTimeout = Duration.seconds(60)
    /// Time for which running answers may go on once the server was told to stop.
    package var gracePeriod = Duration.seconds(30)
    /// How many adapters can be served at once, as gateways are told; nil if every registered one can.
    package var adapterSlots: Int?
    /// Where this frontend publishes adapters, which runners may then fetch by HTTP; nil if it does not.
    package var publishedAdapters: DirectoryOrigin?

    package init() {}
}
