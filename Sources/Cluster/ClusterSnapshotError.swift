package import JSON

/// Why a text is no snapshot.
package enum ClusterSnapshotError: Error, Equatable, CustomStringConvertible {
    case json(JSONError)
    case missing(field: String)
    case outOfBounds(field: String, bound: String, value: String)
    case wrongKind(field: String, wanted: String, actual: String)

    package var description: String {
        switch self {
        case .json(let error): "a snapshot is not JSON: \(error)"
        case .missing(let field): "a snapshot lacks '\(field)'"
        case .outOfBounds(let field, let bound, let value): "a snapshot's '\(field)' is \(value), but must be \(bound)"
        case .wrongKind(let field, let wanted, let actual): "a snapshot's '\(field)' is a \(actual), not \(wanted)"
        }
    }
}
