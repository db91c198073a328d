/// Sends requests to a Kubernetes API server: the pool's only way out, with recorded answers in tests.
package protocol KubernetesTransport: Sendable {
    func send(_ request: KubernetesRequest) async throws(PoolError) -> KubernetesResponse
}

package struct KubernetesRequest: Sendable, Equatable {
    package enum Method: String, Sendable {
        case get = "GET"
        case put = "PUT"
    }

    package let method: Method
    /// Begins with a slash; with query, percent-encoded.
    package let path: String
    /// JSON; empty with `get`.
    package let body: [UInt8]

    package init(_ method: Method, _ path: String, body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.body = body
    }
}

package struct KubernetesResponse: Sendable, Equatable {
    package let status: Int
    /// How long a server that is too busy asks to be left alone (`Retry-After`).
    package let retryAfter: Duration?
    package let body: [UInt8]

    package init(status: Int, retryAfter: Duration? = nil, body: [UInt8]) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
    }
}
