import JSON
import Weights

extension AdapterConfiguration {
    /// The most entries of a list of modules or of a table by module: more than any model has modules.
    private static let maxEntries = 8_192

    /// A list of names, a pattern, or nil when absent or empty.
    static func selector(
        _ fields: ConfigurationFields,
        key: String,
        allowsAllLinear: Bool
    ) throws(WeightsError) -> ModuleSelector? {
        guard let value = fields[key] else { return nil }
        if let text = value.string {
            if text.isEmpty { return nil }
            if allowsAllLinear && text.lowercased() == "all-linear" { return .allLinear }
            return .pattern(try pattern(text, fields, key: key))
        }
        let names = try strings(value, fields, key: key)
        return names.isEmpty ? nil : .names(names)
    }

    private static func strings(
        _ value: JSONValue,
        _ fields: ConfigurationFields,
        key: String
    ) throws(WeightsError) -> [String] {
        let elements = value.array ?? [value]
        try checkCount(elements.count, fields, key: key)
        let strings = elements.compactMap(\.string)
        guard strings.count == elements.count else {
            throw fields.wrongKind(key, value, wanted: "a string or a list of strings")
        }
        return strings
    }

    private static func checkCount(_ count: Int, _ fields: ConfigurationFields, key: String) throws(WeightsError) {
        guard count <= maxEntries else {
            throw fields.outOfBounds(key, "\(count) entries", bound: "at most \(maxEntries) entries")
        }
    }

    static func layers(
        _ fields: ConfigurationFields,
        targets: ModuleSelector
    ) throws(WeightsError) -> Set<Int>? {
        let key = "layers_to_transform"
        guard let layers = try fields.integers(key, in: 0...1_000_000), !layers.isEmpty else { return nil }
        guard case .names = targets else {
            throw fields.unsupported(key, "\(layers)", supported: "null when target_modules is a string")
        }
        return Set(layers)
    }

    static func layerPatterns(_ fields: ConfigurationFields) throws(WeightsError) -> [ModulePattern] {
        let key = "layers_pattern"
        guard let value = fields[key] else { return [] }
        var patterns: [ModulePattern] = []
        for text in try strings(value, fields, key: key) where !text.isEmpty {
            patterns.append(try pattern("(?:^|.*?\\.)(?:\(text))\\.(?P<idx>\\d+)\\.", fields, key: key))
        }
        return patterns
    }

    static func table<Value>(
        _ fields: ConfigurationFields,
        key: String,
        read: (ConfigurationFields, String) throws(WeightsError) -> Value
    ) throws(WeightsError) -> PatternTable<Value> {
        var entries: [(key: String, value: Value)] = []
        if let inner = try fields.object(key) {
            try checkCount(inner.members.count, fields, key: key)
            for pattern in inner.members.keys { entries.append((pattern, try read(inner, pattern))) }
        }
        do throws(ModulePattern.Failure) {
            return try PatternTable(entries)
        } catch {
            throw malformed(error, fields, key: key)
        }
    }

    private static func pattern(
        _ text: String,
        _ fields: ConfigurationFields,
        key: String
    ) throws(WeightsError) -> ModulePattern {
        do throws(ModulePattern.Failure) {
            return try ModulePattern(text)
        } catch {
            throw malformed(error, fields, key: key)
        }
    }

    private static func malformed(
        _ failure: ModulePattern.Failure,
        _ fields: ConfigurationFields,
        key: String
    ) -> WeightsError {
        .malformed(
            file: fields.file,
            key: fields.prefix + key,
            reason: "pattern '\(failure.pattern)': \(failure.reason)"
        )
    }
}
