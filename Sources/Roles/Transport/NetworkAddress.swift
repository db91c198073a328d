internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix

/// Where a process listens: `HOST:PORT`, or `[HOST]:PORT` for IPv6.
package struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    /// 0 takes any free one, to listen on.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package init(_ text: String) throws(RoleError) {
        guard let colon = text.lastIndex(of: ":") else { throw .badAddress(text: text, reason: "there is no ':'") }
        guard let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port) else {
            throw .badAddress(text: text, reason: "the port must be 0 ... 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw .badAddress(text: text, reason: "an IPv6 address stands in brackets")
        }
        guard !host.isEmpty else { throw .badAddress(text: text, reason: "there is no host") }
        self.init(host: String(host), port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can connect.
    package var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

    var target: any ResolvableTarget {
        if host.contains(":") { return .ipv6(address: host, port: port) }
        if isIPv4 { return .ipv4(address: host, port: port) }
        return .dns(host: host, port: port)
    }

    /// - Throws: `badAddress` for a host that is not this machine's by number.
    func socketAddress() throws(RoleError) -> SocketAddress {
        if host.contains(":") { return .ipv6(host: host, port: port) }
        if host == "localhost" { return .ipv4(host: "127.0.0.1", port: port) }
        guard isIPv4 else { throw .badAddress(text: description, reason: "to listen, the host must be a number") }
        return .ipv4(host: host, port: port)
    }

    private var isIPv4: Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
