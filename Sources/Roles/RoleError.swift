package import Cluster
package import ClusterProtocol
package import GRPCCore

/// Why a role cannot start, or refuses somebody.
package enum RoleError: Error, Equatable, CustomStringConvertible {
    /// The address would let other machines in, who could not be told from friends.
    case addressNeedsTLS(address: String)
    case badAddress(text: String, reason: String)
    case badCertificate(path: String, reason: String)
    /// The address is taken, or not this machine's.
    case cannotListen(address: String, reason: String)
    /// The certificate names nobody, or somebody else than is claimed.
    case wrongIdentity(found: String, expected: String)
    /// The id is that of a runner or frontend that is there.
    case alreadyConnected(id: String)
    /// The registration is no newer than one already seen.
    case replayed(runner: RunnerID, incarnation: UInt64, newest: UInt64)
    /// A runner of another model than the cluster's.
    case otherModel(found: String, expected: String)
    case message(ProtocolError)

    package var description: String {
        switch self {
        case .addressNeedsTLS(let address):
            "\(address) is open to other machines, which needs --tls-certificate, --tls-key and --tls-ca, or --insecure"
        case .badAddress(let text, let reason): "'\(text)' is no address of the form HOST:PORT: \(reason)"
        case .badCertificate(let path, let reason): "\(path): \(reason)"
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .wrongIdentity(let found, let expected): "the certificate is \(found)'s, but must be \(expected)'s"
        case .alreadyConnected(let id): "\(id) is connected already"
        case .replayed(let runner, let incarnation, let newest):
            "registration \(incarnation) of runner \(runner) is not newer than \(newest)"
        case .otherModel(let found, let expected): "the runner serves '\(found)', but this cluster '\(expected)'"
        case .message(let error): "\(error)"
        }
    }
}

extension RoleError: RPCErrorConvertible {
    package var rpcErrorCode: RPCError.Code {
        switch self {
        case .wrongIdentity: .permissionDenied
        case .alreadyConnected, .replayed: .alreadyExists
        case .otherModel: .failedPrecondition
        case .cannotListen: .unavailable
        case .message, .addressNeedsTLS, .badAddress, .badCertificate: .invalidArgument
        }
    }

    package var rpcErrorMessage: String { description }
}
