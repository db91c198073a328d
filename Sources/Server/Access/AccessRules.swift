import HTTPTypes

/// Who may use which endpoints.
struct AccessRules: Sendable {
    private let apiKeys: [AccessKey]
    private let adminKey: AccessKey?
    /// Whether only this machine can reach the server that asks.
    private let isLoopback: Bool

    init(_ configuration: ServerConfiguration, address: ServerConfiguration.Address) {
        apiKeys = configuration.apiKeys.map { AccessKey($0) }
        adminKey = configuration.adminKey.map { AccessKey($0) }
        isLoopback = address.isLoopback
    }

    /// - Parameter host: the `Host` header.
    func check(_ group: Endpoint.Group, _ headers: HTTPFields, host: String?) throws(ServerError) {
        switch group {
        case .open, .adminPage: return
        case .api where apiKeys.isEmpty: return
        case .api: try require(apiKeys, headers)
        case .admin: try checkAdmin(headers, host: host)
        }
    }

    private func checkAdmin(_ headers: HTTPFields, host: String?) throws(ServerError) {
        if let adminKey { return try require([adminKey], headers) }
        // A web page can make its reader's browser send requests to the reader's own machine: from another origin, which
        // Origin says, or from its own after pointing its name there, which Host says.
        guard isLoopback, headers[.origin] == nil, host.map(Self.namesThisMachine) ?? true else { throw .adminIsLocal }
        // A proxy on this machine asks for others.
        guard headers[.forwarded] == nil, headers[.forwardedFor] == nil else { throw .adminIsLocal }
    }

    /// Whether a `Host` header, with or without port, can only mean the machine that its sender is on.
    static func namesThisMachine(_ host: String) -> Bool {
        let name = host.replacing(#/:[0-9]*$/#, with: "")
        return name.lowercased() == "localhost" || name == "[::1]"
            || name.wholeMatch(of: #/127(\.[0-9]{1,3}){3}/#) != nil
    }

    private func require(_ keys: [AccessKey], _ headers: HTTPFields) throws(ServerError) {
        guard let presented = Self.bearer(headers) else { throw .missingKey }
        var isKnown = false
        // Every key is compared, so that time does not tell which one came close.
        for key in keys { isKnown = key.matches(presented) || isKnown }
        guard isKnown else { throw .invalidKey }
    }

    private static func bearer(_ headers: HTTPFields) -> Substring? {
        guard let value = headers[.authorization], let space = value.firstIndex(of: " "),
            value[..<space].lowercased() == "bearer"
        else { return nil }
        return value[value.index(after: space)...]
    }
}
