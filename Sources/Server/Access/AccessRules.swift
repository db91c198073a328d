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

    func check(_ group: Endpoint.Group, _ headers: HTTPFields) throws(ServerError) {
        switch group {
        case .open, .adminPage: return
        case .api where apiKeys.isEmpty: return
        case .api: try require(apiKeys, headers)
        case .admin: try checkAdmin(headers)
        }
    }

    private func checkAdmin(_ headers: HTTPFields) throws(ServerError) {
        if let adminKey { return try require([adminKey], headers) }
        // A web page can make its reader's browser send requests to the reader's own machine; it says so in Origin.
        guard isLoopback, headers[.origin] == nil else { throw .adminIsLocal }
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
