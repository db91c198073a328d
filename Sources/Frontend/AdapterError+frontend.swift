import Adapters

extension AdapterError {
    /// Whether the name itself is wrong, rather than what it stands for.
    var isUnknownName: Bool {
        if case .unknownAdapter = self { true } else { false }
    }
}
