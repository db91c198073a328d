/// A choice of modules by name, as PEFT's `target_modules` and `exclude_modules` make it.
enum ModuleSelector: Sendable {
    /// Full paths or their last parts.
    case names([String])
    /// A regular expression that must match the whole path.
    case pattern(ModulePattern)
    /// Every linear product but the output head.
    case allLinear

    func contains(
        _ module: AdapterModule,
        _ budget: inout ModulePattern.Budget
    ) throws(ModulePattern.Failure) -> Bool {
        switch self {
        case .names(let names): names.contains { Self.names($0, path: module.path) }
        case .pattern(let pattern): try pattern.matchesWhole(module.path, &budget)
        case .allLinear: module.isInnerLinear
        }
    }

    /// Whether a name is the path or its end, at a dot.
    static func names(_ name: String, path: String) -> Bool { path == name || path.hasSuffix("." + name) }

    /// How the selector was written, for messages.
    var text: String {
        switch self {
        case .names(let names): "\(names)"
        case .pattern(let pattern): "\"\(pattern.text)\""
        case .allLinear: "\"all-linear\""
        }
    }
}

/// Values by module pattern, as PEFT's `rank_pattern` and `alpha_pattern`: the first key for which
/// `re.match("(.*\.)?(key)$", path)` succeeds wins.
struct PatternTable<Value: Sendable>: Sendable {
    private enum Key: Sendable {
        /// Letters, digits, `_`, `-` and dots, which as a pattern stand for any byte.
        case plain([UInt8])
        case pattern(ModulePattern)
    }

    private let entries: [(key: Key, value: Value)]

    init(_ entries: [(key: String, value: Value)]) throws(ModulePattern.Failure) {
        var list: [(key: Key, value: Value)] = []
        for (key, value) in entries {
            let isPlain = key.utf8.allSatisfy { ByteSet.word.contains($0) || $0 == 0x2D || $0 == 0x2E }
            list.append((isPlain ? .plain(Array(key.utf8)) : .pattern(try ModulePattern("(.*\\.)?(\(key))$")), value))
        }
        self.entries = list
    }

    func value(for path: String, _ budget: inout ModulePattern.Budget) throws(ModulePattern.Failure) -> Value? {
        let bytes = Array(path.utf8)
        for (key, value) in entries {
            switch key {
            case .plain(let name): if Self.ends(bytes, with: name) { return value }
            case .pattern(let pattern): if try pattern.matchesPrefix(path, &budget) { return value }
            }
        }
        return nil
    }

    private static func ends(_ path: [UInt8], with name: [UInt8]) -> Bool {
        let start = path.count - name.count
        guard start >= 0, start == 0 || path[start - 1] == 0x2E else { return false }
        return zip(path[start...], name).allSatisfy { $0 == $1 || $1 == 0x2E }
    }
}
