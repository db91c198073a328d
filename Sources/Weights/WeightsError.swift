/// Why a model's or an adapter's files are refused.
///
/// Every case names the file, the key in it, the bound and the value.
package enum WeightsError: Error, Equatable, Sendable {
    /// The file cannot be opened, read or mapped.
    case unreadable(path: String, reason: String)
    /// The file's structure is not what its format demands.
    case malformed(file: String, key: String, reason: String)
    /// A number lies outside the bound that we or the file itself set.
    case outOfBounds(file: String, key: String, value: String, bound: String)
    /// Valid in itself, but something that is not served.
    case unsupported(file: String, key: String, value: String, supported: String)
    /// A required file, key or tensor is absent.
    case missing(file: String, key: String)
    /// A tensor is there that the configuration has no place for.
    case unexpected(file: String, key: String)
    /// A tensor's shape is not the one that the configuration implies.
    case shapeMismatch(file: String, key: String, found: [Int], expected: [Int])
}

extension WeightsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "cannot read \(path): \(reason)"
        case .malformed(let file, let key, let reason):
            "\(file): '\(key)' is malformed: \(reason)"
        case .outOfBounds(let file, let key, let value, let bound):
            "\(file): '\(key)' is \(value), but must be \(bound)"
        case .unsupported(let file, let key, let value, let supported):
            "\(file): '\(key)' is \(value), which is not supported; supported: \(supported)"
        case .missing(let file, let key):
            "\(file): '\(key)' is missing"
        case .unexpected(let file, let key):
            "\(file): '\(key)' has no place in a model of this configuration"
        case .shapeMismatch(let file, let key, let found, let expected):
            "\(file): '\(key)' has shape \(found), but the configuration implies \(expected)"
        }
    }
}
