package import Cluster
internal import SwiftProtobuf

/// What an operator asks of a scheduler.
package enum Operation: Sendable, Equatable {
    /// Move everything away from a runner, then end it.
    case drain(RunnerID)
    /// Move a running request, chosen at random, to another runner.
    case moveAny
    /// Tell the state of the cluster as JSON.
    case status

    package init(_ wire: WireOperation) throws(ProtocolError) {
        switch wire.operation {
        case nil: throw .missing(field: "operation")
        case .drain(let runner): self = .drain(try WireField.runner(runner, "drain"))
        case .moveAny: self = .moveAny
        case .status: self = .status
        }
    }

    package var wire: WireOperation {
        .with {
            switch self {
            case .drain(let runner): $0.drain = runner.wire
            case .moveAny: $0.moveAny = WireMoveAny()
            case .status: $0.status = WireStatus()
            }
        }
    }
}

extension WireOperationResult {
    package init(text: String) {
        self.init()
        self.text = text
    }
}
