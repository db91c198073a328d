package import Core
package import Weights

/// Why an adapter is refused or cannot be had.
///
/// Nothing is ever served with a part of an adapter left out.
package enum AdapterError: Error, Equatable, Sendable {
    /// A file of the adapter cannot be read, or holds something malformed, out of bounds or unsupported.
    case file(WeightsError)
    /// The file has a tensor that has no place in the model or in the adapter's own configuration.
    case unknownTensor(key: String, reason: String)
    /// The configuration targets a module whose tensor is absent.
    case missingTensor(key: String, reason: String)
    /// A tensor's shape is not what the base model and the configured rank imply.
    case shapeMismatch(key: String, found: [Int], expected: [Int])
    /// A tensor holds a NaN or an infinity, or a DoRA scale would be one.
    case notFinite(key: String, index: Int)
    /// The tensor is a copy of a base weight, but not of this base's.
    case differentBase(key: String, index: Int)
    /// No module of the model is targeted: the adapter would do nothing.
    case nothingTargeted(targets: String)

    /// No adapter is registered under the name.
    case unknownAdapter(name: String)
    /// The name cannot be an alias.
    case invalidName(name: String, reason: String)
    /// `register(.ifAbsent)`: the name is taken.
    case nameTaken(name: String, digest: AdapterDigest)
    /// `register(.expecting)`: the name holds something else, or nothing.
    case conflict(name: String, expected: AdapterDigest, found: AdapterDigest?)
    /// The directory lies outside the adapters' root.
    case outsideRoot(path: String, root: String)
    /// The directory no longer holds what was registered.
    case digestMismatch(path: String, expected: AdapterDigest, found: AdapterDigest)
    /// The adapter is right, but those who are to serve it cannot be given it now.
    case unavailable(name: String, reason: String)
    /// Host memory is too small: what is not needed now does not free enough. Counts are bytes.
    case budgetExceeded(needed: Int, available: Int)
}

extension AdapterError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let error): error.description
        case .unknownTensor(let key, let reason): "tensor '\(key)' cannot be applied: \(reason)"
        case .missingTensor(let key, let reason): "tensor '\(key)' is missing: \(reason)"
        case .shapeMismatch(let key, let found, let expected):
            "tensor '\(key)' has shape \(found), but the base model and the configured rank imply \(expected)"
        case .notFinite(let key, let index): "tensor '\(key)' has a value that is not finite at element \(index)"
        case .differentBase(let key, let index):
            "tensor '\(key)' is a copy of a base weight that differs from this base model at element \(index)"
        case .nothingTargeted(let targets): "target_modules \(targets) names no module of the base model"
        case .unknownAdapter(let name): "there is no adapter named '\(name)'"
        case .invalidName(let name, let reason): "'\(name)' cannot name an adapter: \(reason)"
        case .nameTaken(let name, let digest): "the name '\(name)' is taken by adapter \(digest.short)"
        case .conflict(let name, let expected, let found):
            "the name '\(name)' was expected to be adapter \(expected.short), "
                + "but \(found.map { "is \($0.short)" } ?? "is not registered")"
        case .outsideRoot(let path, let root): "\(path) is outside the adapters' directory \(root)"
        case .digestMismatch(let path, let expected, let found):
            "\(path) has changed since it was registered: expected \(expected.hex), found \(found.hex)"
        case .unavailable(let name, let reason): "adapter '\(name)' cannot be had now: \(reason)"
        case .budgetExceeded(let needed, let available):
            "the adapter needs \(needed) bytes of host memory, but at most \(available) can be made free now"
        }
    }
}
