package import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
package import Provisioning

/// Talks HTTPS to a Kubernetes API server as the service account of this pod.
package struct KubernetesClient: KubernetesTransport {
    /// Where Kubernetes puts a pod's credentials.
    package static let accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"
    private static let answerLimit = 32 << 20

    private let server: String
    private let tokenFile: String
    private let timeout: Duration
    private let client: HTTPClient

    /// The client of a process inside the cluster, as its environment and files describe it.
    ///
    /// - Parameters:
    ///   - environment: `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` name the server.
    ///   - directory: holds `token` and `ca.crt`.
    package static func inCluster(
        environment: [String: String],
        directory: String = accountDirectory
    ) throws(PoolError) -> KubernetesClient {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], let port = environment["KUBERNETES_SERVICE_PORT"]
        else {
            throw .invalidConfiguration(
                field: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT",
                bound: "set, as they are in a pod",
                value: "unset"
            )
        }
        let address = host.contains(":") ? "[\(host)]" : host
        return KubernetesClient(
            server: "https://\(address):\(port)",
            tokenFile: directory + "/token",
            client: try client(authority: directory + "/ca.crt")
        )
    }

    /// The namespace that this pod is in.
    package static func namespace(directory: String = accountDirectory) throws(PoolError) -> String {
        try text(directory + "/namespace")
    }

    /// - Parameters:
    ///   - server: scheme, host and port.
    ///   - tokenFile: read for each request, since Kubernetes replaces the token from time to time.
    ///   - client: trusts the server's authority; the caller shuts it down.
    package init(server: String, tokenFile: String, timeout: Duration = .seconds(15), client: HTTPClient) {
        self.server = server
        self.tokenFile = tokenFile
        self.timeout = timeout
        self.client = client
    }

    /// A client that trusts one authority and nobody else.
    package static func client(authority file: String) throws(PoolError) -> HTTPClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        do {
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
        } catch {
            throw .invalidConfiguration(
                field: "the cluster's authority",
                bound: "a PEM file",
                value: "\(file): \(error)"
            )
        }
        return HTTPClient(configuration: .init(tlsConfiguration: tls, redirectConfiguration: .disallow))
    }

    /// Ends a client that `inCluster` made.
    package func shutdown() async { try? await client.shutdown() }

    package func send(_ request: KubernetesRequest) async throws(PoolError) -> KubernetesResponse {
        let token = try Self.text(tokenFile)
        do {
            let response = try await client.execute(httpRequest(request, token), timeout: TimeAmount(timeout))
            let body = try await response.body.collect(upTo: Self.answerLimit)
            let pause = response.headers.first(name: "Retry-After").flatMap { Int($0) }
            return KubernetesResponse(
                status: Int(response.status.code),
                retryAfter: pause.map { Duration.seconds($0) },
                body: Array(buffer: body)
            )
        } catch {
            throw .unreachable(server: server, reason: "\(error)")
        }
    }

    private func httpRequest(_ request: KubernetesRequest, _ token: String) -> HTTPClientRequest {
        var http = HTTPClientRequest(url: server + request.path)
        http.method = HTTPMethod(rawValue: request.method.rawValue)
        http.headers.add(name: "Authorization", value: "Bearer \(token)")
        http.headers.add(name: "Accept", value: "application/json")
        // Names who scaled the set, in its managed fields and in audit logs.
        http.headers.add(name: "User-Agent", value: "punica")
        if !request.body.isEmpty {
            http.headers.add(name: "Content-Type", value: "application/json")
            http.body = .bytes(request.body)
        }
        return http
    }

    private static func text(_ path: String) throws(PoolError) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .invalidConfiguration(field: "service account", bound: "a readable file", value: path)
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
