import ArgumentParser
import Cluster
import Roles

/// Options that say whom a process of a cluster believes.
struct SecurityOptions: ParsableArguments {
    @Option(help: "This process's certificate, PEM; its punica:// URI says what it is. Default: no TLS, loopback only.")
    var tlsCertificate: String?
    @Option(help: "The certificate's private key, PEM.")
    var tlsKey: String?
    @Option(help: "The authority that signs the cluster's certificates, PEM.")
    var tlsCa: String?
    @Flag(help: "Without TLS, also listen on addresses that other machines reach.")
    var insecure = false

    func validate() throws {
        let given = [tlsCertificate, tlsKey, tlsCa].compactMap { $0 }.count
        guard given == 0 || given == 3 else {
            throw ValidationError("--tls-certificate, --tls-key and --tls-ca go together")
        }
    }

    var security: ClusterSecurity {
        guard let tlsCertificate, let tlsKey, let tlsCa else { return .open }
        return .mutualTLS(certificate: tlsCertificate, key: tlsKey, authority: tlsCa)
    }

    /// The same, for a process that listens on `address`.
    func security(listeningOn address: NetworkAddress) throws -> ClusterSecurity {
        try security.check(listeningOn: address, isInsecureAllowed: insecure)
        return security
    }
}

extension NetworkAddress: ExpressibleByArgument {
    package init?(argument: String) { try? self.init(argument) }
}

extension RunnerID: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
