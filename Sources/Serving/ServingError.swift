/// Why a service cannot start.
package enum ServingError: Error, Equatable, CustomStringConvertible {
    case demoNotFound(tried: [String])
    case malformed(path: String, reason: String)
    case outOfBounds(option: String, value: String, bound: String)
    case unreadable(path: String)

    package var description: String {
        switch self {
        case .demoNotFound(let tried):
            "the bundled demo is not at \(tried.joined(separator: ", nor at ")); "
                + "name a model with --model, or set PUNICA_DEMO to the demo's directory"
        case .malformed(let path, let reason): "\(path): \(reason)"
        case .outOfBounds(let option, let value, let bound): "\(option) is \(value), but must be \(bound)"
        case .unreadable(let path): "cannot read \(path)"
        }
    }
}
