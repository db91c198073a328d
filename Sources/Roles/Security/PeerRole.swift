package import Cluster

/// What a certificate says its holder is: a URI among its subject's alternative names.
package enum PeerRole: Sendable, Hashable, CustomStringConvertible {
    case scheduler
    case runner(RunnerID)
    case frontend(String)
    case operatorNamed(String)

    /// Reads `punica://scheduler`, `punica://runner/UUID`, `punica://frontend/NAME` or `punica://operator/NAME`.
    package init?(uri: String) {
        guard uri.hasPrefix("punica://") else { return nil }
        let parts = uri.dropFirst("punica://".count).split(separator: "/", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("scheduler", 1): self = .scheduler
        case ("runner", 2):
            guard let id = RunnerID(parts[1]) else { return nil }
            self = .runner(id)
        case ("frontend", 2) where !parts[1].isEmpty: self = .frontend(String(parts[1]))
        case ("operator", 2) where !parts[1].isEmpty: self = .operatorNamed(String(parts[1]))
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .scheduler: "punica://scheduler"
        case .runner(let id): "punica://runner/\(id)"
        case .frontend(let name): "punica://frontend/\(name)"
        case .operatorNamed(let name): "punica://operator/\(name)"
        }
    }

    var isFrontend: Bool { if case .frontend = self { true } else { false } }
    var isOperator: Bool { if case .operatorNamed = self { true } else { false } }
}
