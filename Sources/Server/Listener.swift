import Hummingbird
import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Why a socket of the server cannot listen.
package struct ListenError: Error, Equatable, CustomStringConvertible {
    package let host: String
    package let port: Int
    package let reason: String

    package var description: String { "cannot listen on \(host), port \(port): \(reason)" }
}

/// One of the server's sockets.
struct Listener: Service {
    let address: ServerConfiguration.Address
    let application: Application<Responder>

    /// - Throws: `ListenError` when the address is taken or is not this machine's.
    func run() async throws {
        do {
            try await application.run()
        } catch let error as IOError {
            throw refusal(String(cString: strerror(error.errnoCode)))
        } catch is SocketAddressError.UnknownHost {
            throw refusal("nobody knows this host")
        }
    }

    private func refusal(_ reason: String) -> ListenError {
        ListenError(host: address.host, port: address.port, reason: reason)
    }
}
