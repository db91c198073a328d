import Cluster
import ClusterProtocol
import Core
import Crypto
import Engine
import Foundation
import GRPCCore
import SwiftASN1
import Testing
import X509

@testable import Roles

/// Both ends of every connection must be who they say.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CertificateTests {
    @Test func `with the right certificates a request is answered`() async throws {
        let authority = try Authority()
        let scheduler = try await TestCluster.startScheduler(loopback, security: authority.issue("punica://scheduler"))
        let source = SteadySource()
        let id = RunnerID(0xabc)
        let runner = try await TestCluster.startRunner(
            source,
            id: id,
            scheduler: scheduler.address,
            security: authority.issue("punica://runner/\(id)")
        )
        let frontend = try frontend(of: scheduler, authority.issue("punica://frontend/web"))
        let following = Task { await frontend.run() }
        var tokens: [TokenID] = []
        for await event in try frontend.submit(request(seed: 1)) {
            if case .token(let token) = event { tokens.append(token.id) }
        }
        #expect(tokens == SteadySource.tokens(seed: 1, count: 20))
        following.cancel()
        await following.value
        await runner.end()
        await scheduler.end()
    }

    @Test func `a scheduler says why it cannot start`() async throws {
        let authority = try Authority()
        let right = try authority.issue("punica://scheduler")
        guard case .mutualTLS(let certificate, let key, let root) = right else { throw CancellationError() }
        let missing = certificate + ".missing"
        let wrong: [(ClusterSecurity, RoleError)] = [
            (
                .mutualTLS(certificate: missing, key: key, authority: root),
                .badCertificate(path: missing, reason: "the file cannot be read")
            ),
            (
                .mutualTLS(certificate: certificate, key: certificate, authority: root),
                .badCertificate(path: certificate, reason: "there is no valid PEM private key in it")
            ),
            (
                .mutualTLS(certificate: certificate, key: key, authority: key),
                .badCertificate(path: key, reason: "there is no valid PEM certificate in it")
            ),
        ]
        for (security, error) in wrong {
            await #expect(throws: error) { try await TestCluster.startScheduler(loopback, security: security) }
        }
        let first = try await TestCluster.startScheduler(loopback, security: right)
        await #expect(
            throws: RoleError.cannotListen(address: first.address.description, reason: "Address already in use")
        ) {
            try await TestCluster.startScheduler(first.address, security: right)
        }
        await first.end()
    }

    /// Who tries to attach as runner 0xabc, and whether that works.
    @Test(arguments: [
        ("punica://runner/00000000-0000-0000-0000-000000000abc", false, true),
        ("punica://runner/00000000-0000-0000-0000-000000000abd", false, false),
        ("punica://frontend/web", false, false), ("https://example.org/", false, false),
        ("punica://runner/00000000-0000-0000-0000-000000000abc", true, false),
    ])
    func `only the runner that the certificate names may register`(
        _ uri: String,
        _ isStranger: Bool,
        _ isWelcome: Bool
    ) async throws {
        let authority = try Authority()
        let scheduler = try await TestCluster.startScheduler(loopback, security: authority.issue("punica://scheduler"))
        var security = try authority.issue(uri)
        if isStranger, case .mutualTLS(let certificate, let key, _) = try Authority().issue(uri),
            case .mutualTLS(_, _, let roots) = security
        {
            // Signed by somebody else, though it trusts the right authority.
            security = .mutualTLS(certificate: certificate, key: key, authority: roots)
        }
        let runner = try await TestCluster.startRunner(
            SteadySource(),
            id: RunnerID(0xabc),
            scheduler: scheduler.address,
            security: security
        )
        let observer = OperatorClient(
            scheduler: scheduler.address,
            security: try authority.issue("punica://operator/ann")
        )
        try await Task.sleep(for: .milliseconds(isWelcome ? 100 : 700))
        let hasJoined = { try await observer.perform(.drain(RunnerID(0xabc))).hasSuffix("is draining") }
        #expect(try await isWelcome ? eventually(hasJoined) : hasJoined() == isWelcome)
        await runner.end()
        await scheduler.end()
    }

    @Test func `a client without a certificate, and one in plain text, get nothing`() async throws {
        let authority = try Authority()
        let scheduler = try await TestCluster.startScheduler(loopback, security: authority.issue("punica://scheduler"))
        var timeouts = ClusterTimeouts()
        timeouts.silence = .seconds(2)
        let plain = OperatorClient(scheduler: scheduler.address, security: .open, timeouts: timeouts)
        await #expect(throws: (any Error).self) { try await plain.perform(.status) }
        let frontend = OperatorClient(
            scheduler: scheduler.address,
            security: try authority.issue("punica://frontend/web"),
            timeouts: timeouts
        )
        let error = await #expect(throws: RPCError.self) { try await frontend.perform(.status) }
        #expect(error?.code == .permissionDenied)
        await scheduler.end()
    }

    @Test func `a scheduler with another's certificate is not believed`() async throws {
        let authority = try Authority()
        let runner = try authority.issue("punica://runner/\(RunnerID(1))")
        let impostor = try await TestCluster.startScheduler(loopback, security: runner)
        var timeouts = ClusterTimeouts()
        timeouts.silence = .seconds(2)
        let client = OperatorClient(
            scheduler: impostor.address,
            security: try authority.issue("punica://operator/ann"),
            timeouts: timeouts
        )
        await #expect(throws: (any Error).self) { try await client.perform(.status) }
        await impostor.end()
    }

    @Test func `a process knows its own certificate's role`() throws {
        let authority = try Authority()
        #expect(try authority.issue("punica://runner/\(RunnerID(7))").ownRole() == .runner(RunnerID(7)))
        #expect(try ClusterSecurity.open.ownRole() == nil)
        #expect(throws: RoleError.self) { try authority.issue("https://example.org").ownRole() }
        #expect(throws: RoleError.self) {
            try ClusterSecurity.mutualTLS(certificate: "/nowhere", key: "", authority: "").ownRole()
        }
    }

    private let loopback = NetworkAddress(host: "127.0.0.1", port: 0)

    private func frontend(of scheduler: TestCluster.Part, _ security: ClusterSecurity) -> ClusterSource {
        ClusterSource(
            scheduler: scheduler.address,
            security: security,
            timeouts: TestCluster.timeouts,
            logger: TestCluster.logger
        )
    }

    private func request(seed: UInt64) -> GenerationRequest {
        var sampling = SamplingParameters()
        sampling.seed = seed
        return GenerationRequest(
            id: RequestID(1),
            prompt: [TokenID(1)],
            sampling: sampling,
            stop: StopConditions(maxTokens: 20)
        )
    }
}

/// Signs certificates, and writes them where roles read them.
private struct Authority {
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName
    private let directory: URL

    init() throws {
        name = try DistinguishedName { CommonName("authority \(UInt32.random(in: .min ... .max))") }
        directory = FileManager.default.temporaryDirectory.appending(path: "punica-tls-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let certificate = try sign(key.publicKey, subject: name) {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
            Critical(KeyUsage(keyCertSign: true))
        }
        try certificate.serializeAsPEM().pemString.write(to: path("ca.pem"), atomically: true, encoding: .utf8)
    }

    func issue(_ uri: String) throws -> ClusterSecurity {
        let own = P256.Signing.PrivateKey()
        let label = "\(UInt64.random(in: .min ... .max))"
        let subject = try DistinguishedName { CommonName(label) }
        let certificate = try sign(own.publicKey, subject: subject) {
            Critical(BasicConstraints.notCertificateAuthority)
            SubjectAlternativeNames([.uniformResourceIdentifier(uri)])
        }
        try certificate.serializeAsPEM().pemString.write(to: path(label + ".pem"), atomically: true, encoding: .utf8)
        try own.pemRepresentation.write(to: path(label + ".key"), atomically: true, encoding: .utf8)
        return .mutualTLS(
            certificate: path(label + ".pem").path,
            key: path(label + ".key").path,
            authority: path("ca.pem").path
        )
    }

    private func path(_ name: String) -> URL { directory.appending(path: name) }

    private func sign(
        _ publicKey: P256.Signing.PublicKey,
        subject: DistinguishedName,
        @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(publicKey),
            notValidBefore: Date.now - 3600,
            notValidAfter: Date.now + 3600,
            issuer: name,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions(builder: extensions),
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
    }
}
