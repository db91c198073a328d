import AsyncHTTPClient
import Foundation
import NIOHTTP1
import NIOSSL
import Provisioning
import TestSupport
import Testing

@testable import WebClients

struct KubernetesClientTests {
    /// A service account's directory as Kubernetes mounts it.
    private let folder: TemporaryFolder
    private var account: String { folder.path }

    init() throws {
        folder = try TemporaryFolder()
        try write("token", "first-token\n")
        try write("namespace", "llm")
        try write("ca.crt", TestCertificates.authority)
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: account + "/" + name))
    }

    private static func server(
        _ answer: @escaping @Sendable (ReceivedRequest) -> GivenAnswer
    ) async throws -> TestHTTPServer {
        let certificates = try NIOSSLCertificate.fromPEMBytes(Array(TestCertificates.server.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(TestCertificates.serverKey.utf8), format: .pem)
        let tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        return try await TestHTTPServer(tls: tls, answer: answer)
    }

    private func client(_ server: TestHTTPServer) throws -> KubernetesClient {
        let environment = ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(server.port)"]
        return try KubernetesClient.inCluster(environment: environment, directory: account)
    }

    @Test func `requests carry the token as it is now`() async throws {
        let server = try await Self.server { _ in GivenAnswer(status: .created, body: Array(#"{"a":1}"#.utf8)) }
        let client = try client(server)
        let answer = try await client.send(KubernetesRequest(.get, "/api/v1/pods?labelSelector=a%3Db"))
        #expect(answer == KubernetesResponse(status: 201, body: Array(#"{"a":1}"#.utf8)))
        try write("token", "second-token")
        _ = try await client.send(KubernetesRequest(.put, "/x/scale", body: Array(#"{"b":2}"#.utf8)))
        await client.shutdown()
        let requests = server.requests
        #expect(requests.map(\.method) == ["GET", "PUT"])
        #expect(requests.map(\.path) == ["/api/v1/pods?labelSelector=a%3Db", "/x/scale"])
        #expect(requests.map { $0.headers["authorization"] } == ["Bearer first-token", "Bearer second-token"])
        #expect(requests.map(\.body) == ["", #"{"b":2}"#])
        #expect(requests[1].headers["content-type"] == "application/json")
        #expect(requests.allSatisfy { $0.headers["user-agent"] == "punica" })
    }

    @Test func `a server that another authority vouches for is not talked to`() async throws {
        try write("ca.crt", TestCertificates.otherAuthority)
        let server = try await Self.server { _ in GivenAnswer() }
        let client = try client(server)
        await #expect(throws: PoolError.self) { _ = try await client.send(KubernetesRequest(.get, "/")) }
        await client.shutdown()
        #expect(server.requests.isEmpty)
    }

    @Test func `outside of a cluster there is no client`() throws {
        #expect(throws: PoolError.self) { try KubernetesClient.inCluster(environment: [:], directory: account) }
        #expect(try KubernetesClient.namespace(directory: account) == "llm")
        #expect(throws: PoolError.self) { try KubernetesClient.namespace(directory: account + "/nowhere") }
    }

    /// With the headers that servers of 1.20 and later send with such an answer.
    @Test func `a server that is too busy says for how long`() async throws {
        let server = try await Self.server { _ in
            GivenAnswer(
                status: .tooManyRequests,
                headers: [
                    ("Audit-Id", "0d1a3b1e-5f0c-4c39-8a55-0f4f1f0c9a11"), ("Cache-Control", "no-cache, private"),
                    ("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "7"),
                    ("X-Content-Type-Options", "nosniff"), ("X-Kubernetes-Pf-Flowschema-Uid", "a"),
                    ("X-Kubernetes-Pf-Prioritylevel-Uid", "b"),
                ],
                body: Array("Ask again later.\n".utf8)
            )
        }
        let client = try client(server)
        let answer = try await client.send(KubernetesRequest(.get, "/"))
        await client.shutdown()
        #expect(answer.status == 429)
        #expect(answer.retryAfter == .seconds(7))
    }

    @Test func `a pool asks over TLS for one more pod`() async throws {
        let server = try await Self.server { request in
            let scale =
                #"{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"runner","namespace":"llm","#
                + #""resourceVersion":"41"},"spec":{"replicas":1},"status":{"replicas":1,"selector":"app=runner"}}"#
            return GivenAnswer(headers: [("Content-Type", "application/json")], body: Array(scale.utf8))
        }
        let client = try client(server)
        let configuration = try KubernetesConfiguration(namespace: "llm", statefulSet: "runner", maxReplicas: 2)
        #expect(try await KubernetesPool(configuration, transport: client).acquire(3) == ["runner-1"])
        await client.shutdown()
        #expect(server.requests.map(\.method) == ["GET", "PUT"])
        #expect(server.requests[1].body.contains(#""resourceVersion":"41""#))
    }
}
