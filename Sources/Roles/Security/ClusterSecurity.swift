internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import X509

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Whom a process of the cluster believes.
package enum ClusterSecurity: Sendable, Equatable {
    /// Everybody is who they say. For one machine, or a network that only friends reach.
    case open
    /// Both ends of every connection show a certificate of one authority; see `PeerRole` for what it must name.
    ///
    /// Paths of PEM files; the certificate's may hold intermediate ones after it.
    case mutualTLS(certificate: String, key: String, authority: String)

    /// - Throws: `addressNeedsTLS` where nothing protects an address that other machines reach.
    package func check(listeningOn address: NetworkAddress, isInsecureAllowed: Bool) throws(RoleError) {
        if case .open = self, !address.isLoopback, !isInsecureAllowed {
            throw .addressNeedsTLS(address: address.description)
        }
    }

    /// What this process's own certificate names; nil without TLS.
    package func ownRole() throws(RoleError) -> PeerRole? {
        guard case .mutualTLS(let path, _, _) = self else { return nil }
        guard let first = try Self.certificates(path).first else {
            throw .badCertificate(path: path, reason: "there is no certificate in it")
        }
        guard let role = first.peerRole else {
            throw .badCertificate(path: path, reason: "no alternative name of it is a punica:// URI")
        }
        return role
    }

    /// - Throws: `badCertificate` for a file that cannot be read or is not what it should be.
    func server() throws(RoleError) -> HTTP2ServerTransport.Posix.TransportSecurity {
        guard case .mutualTLS(let certificate, let key, let authority) = self else { return .plaintext }
        for path in [certificate, authority] { _ = try Self.certificates(path) }
        try Self.checkKey(key)
        return .mTLS(
            certificateChain: [.file(path: certificate, format: .pem)],
            privateKey: .file(path: key, format: .pem)
        ) {
            $0.trustRoots = .certificates([.file(path: authority, format: .pem)])
            $0.requireALPN = true
        }
    }

    /// - Parameter server: who must answer.
    func client(of server: PeerRole) throws(RoleError) -> HTTP2ClientTransport.Posix.TransportSecurity {
        guard case .mutualTLS(let certificate, let key, let authority) = self else { return .plaintext }
        let roots = try Self.certificates(authority)
        _ = try Self.certificates(certificate)
        try Self.checkKey(key)
        return .mTLS(
            certificateChain: [.file(path: certificate, format: .pem)],
            privateKey: .file(path: key, format: .pem)
        ) {
            $0.trustRoots = .certificates([.file(path: authority, format: .pem)])
            $0.serverCertificateVerification = .noHostnameVerification
            $0.customVerificationCallback = { chain, promise in
                promise.completeWithTask { await PeerVerification.verify(chain, roots: roots, expecting: server) }
            }
        }
    }

    private static func certificates(_ path: String) throws(RoleError) -> [Certificate] {
        do {
            let parsed = try NIOSSLCertificate.fromPEMFile(path)
            return try parsed.map { try Certificate(derEncoded: $0.toDERBytes()) }
        } catch {
            throw .badCertificate(path: path, reason: fault(path, "certificate"))
        }
    }

    private static func checkKey(_ path: String) throws(RoleError) {
        do {
            _ = try NIOSSLPrivateKey(file: path, format: .pem)
        } catch {
            throw .badCertificate(path: path, reason: fault(path, "private key"))
        }
    }

    /// The library's errors tell neither.
    private static func fault(_ path: String, _ kind: String) -> String {
        let isReadable = FileManager.default.isReadableFile(atPath: path)
        return isReadable ? "there is no valid PEM \(kind) in it" : "the file cannot be read"
    }
}

/// Checks that a server is the one that was meant.
enum PeerVerification {
    static func verify(
        _ chain: [NIOSSLCertificate],
        roots: [Certificate],
        expecting role: PeerRole
    ) async -> NIOSSLVerificationResultWithMetadata {
        guard let certificates = try? chain.map({ try Certificate(derEncoded: $0.toDERBytes()) }),
            let leaf = certificates.first, leaf.peerRole == role
        else { return .failed }
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) { RFC5280Policy() }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(certificates.dropFirst()))
        guard case .validCertificate = result else { return .failed }
        return .certificateVerified(VerificationMetadata(NIOSSL.ValidatedCertificateChain(chain)))
    }
}

extension Certificate {
    /// nil unless exactly one of the alternative names is a role's.
    var peerRole: PeerRole? {
        guard let names = try? extensions.subjectAlternativeNames else { return nil }
        let roles = names.compactMap { name -> PeerRole? in
            if case .uniformResourceIdentifier(let uri) = name { PeerRole(uri: uri) } else { nil }
        }
        return roles.count == 1 ? roles[0] : nil
    }
}

extension ServerContext {
    /// Who calls, as the caller's certificate says.
    fileprivate var peerRole: PeerRole? {
        (transportSpecific as? HTTP2ServerTransport.Posix.Context)?.peerCertificate?.peerRole
    }

    /// Refuses callers whose certificate does not name what they claim.
    ///
    /// - Parameter expected: for the message.
    func authorize(
        _ security: ClusterSecurity,
        as expected: String,
        _ isRight: (PeerRole) -> Bool
    ) throws(RoleError) {
        guard case .mutualTLS = security else { return }
        guard let role = peerRole else { throw .wrongIdentity(found: "nobody", expected: expected) }
        guard isRight(role) else { throw .wrongIdentity(found: "\(role)", expected: expected) }
    }
}
