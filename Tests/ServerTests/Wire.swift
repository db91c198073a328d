import Glibc

/// A client's side of a TCP connection, byte by byte, for what well-behaved clients do not do.
///
/// Never blocks a thread.
final class Wire: Sendable {
    private let descriptor: Int32

    /// Connects to this machine.
    ///
    /// - Parameter window: bytes that the kernel keeps for a reader that does not read; nil takes the system's megabytes.
    init(port: Int, window: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var window {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &window, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw WireError.cannotConnect(errno) }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { Glibc.close(descriptor) }

    enum WireError: Error {
        case cannotConnect(Int32)
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func post(_ path: String, _ body: String) {
        send("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    func get(_ path: String) { send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n") }

    /// Leaves, as a process that ends does.
    func leave() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Everything that arrives until the text holds `mark`, the server closes, or ten minutes are over.
    func read(until mark: String) async throws -> (text: String, isClosed: Bool) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let deadline = ContinuousClock.now + .seconds(600)
        while ContinuousClock.now < deadline {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 || (count < 0 && errno != EAGAIN) { return (String(decoding: bytes, as: UTF8.self), true) }
            if count > 0 {
                bytes.append(contentsOf: buffer[..<count])
                let text = String(decoding: bytes, as: UTF8.self)
                if !mark.isEmpty, text.contains(mark) { return (text, false) }
            } else {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        return (String(decoding: bytes, as: UTF8.self), false)
    }

    /// Everything until the server closes, or ten minutes are over.
    func readToEnd() async throws -> (text: String, isClosed: Bool) { try await read(until: "") }
}
