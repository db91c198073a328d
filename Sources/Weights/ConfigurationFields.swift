package import JSON

/// The members of one JSON object of a configuration file, read with bounds; `null` counts as absent.
package struct ConfigurationFields {
    package let file: String
    /// Where the object stands in the file: "" at the top, `rope_scaling.` inside.
    package let prefix: String
    package let members: JSONObject

    /// Bytes of the longest configuration file accepted; real ones have a few thousand.
    package static let maxBytes = 4 << 20

    package init(parsing text: [UInt8], file: String) throws(WeightsError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text, limits: JSONLimits(maxDepth: 32, maxBytes: Self.maxBytes))
        } catch {
            throw .malformed(file: file, key: "JSON", reason: error.description)
        }
        guard let members = value.object else {
            throw .malformed(file: file, key: "JSON", reason: "it is a \(value.kind), not an object")
        }
        self.init(file: file, prefix: "", members: members)
    }

    package init(file: String, prefix: String, members: JSONObject) {
        self.file = file
        self.prefix = prefix
        self.members = members
    }

    /// The value of a key; nil when it is absent or null.
    package subscript(key: String) -> JSONValue? {
        guard let value = members[key], !value.isNull else { return nil }
        return value
    }

    package func isPresent(_ key: String) -> Bool { members[key] != nil }

    package func integer(_ key: String, in bound: ClosedRange<Int>) throws(WeightsError) -> Int? {
        guard let value = self[key] else { return nil }
        guard let number = value.int else { throw wrongKind(key, value, wanted: "a whole number") }
        guard bound.contains(number) else {
            throw outOfBounds(key, "\(number)", bound: "\(bound.lowerBound) ... \(bound.upperBound)")
        }
        return number
    }

    package func requiredInteger(_ key: String, in bound: ClosedRange<Int>) throws(WeightsError) -> Int {
        guard let number = try integer(key, in: bound) else { throw .missing(file: file, key: prefix + key) }
        return number
    }

    package func number(_ key: String, in bound: ClosedRange<Double>) throws(WeightsError) -> Double? {
        guard let value = self[key] else { return nil }
        guard let number = value.double else { throw wrongKind(key, value, wanted: "a number") }
        guard bound.contains(number) else {
            throw outOfBounds(key, "\(number)", bound: "\(bound.lowerBound) ... \(bound.upperBound)")
        }
        return number
    }

    package func requiredNumber(_ key: String, in bound: ClosedRange<Double>) throws(WeightsError) -> Double {
        guard let number = try number(key, in: bound) else { throw .missing(file: file, key: prefix + key) }
        return number
    }

    package func flag(_ key: String) throws(WeightsError) -> Bool? {
        guard let value = self[key] else { return nil }
        guard let flag = value.bool else { throw wrongKind(key, value, wanted: "true or false") }
        return flag
    }

    package func text(_ key: String) throws(WeightsError) -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.string else { throw wrongKind(key, value, wanted: "a string") }
        return text
    }

    package func object(_ key: String) throws(WeightsError) -> ConfigurationFields? {
        guard let value = self[key] else { return nil }
        guard let members = value.object else { throw wrongKind(key, value, wanted: "an object") }
        return ConfigurationFields(file: file, prefix: prefix + key + ".", members: members)
    }

    /// A whole number or a list of them, as `eos_token_id` is.
    package func integers(_ key: String, in bound: ClosedRange<Int>) throws(WeightsError) -> [Int]? {
        guard let value = self[key] else { return nil }
        var numbers: [Int] = []
        for element in value.array ?? [value] {
            guard let number = element.int else { throw wrongKind(key, element, wanted: "whole numbers") }
            guard bound.contains(number) else {
                throw outOfBounds(key, "\(number)", bound: "\(bound.lowerBound) ... \(bound.upperBound)")
            }
            numbers.append(number)
        }
        return numbers
    }

    package func wrongKind(_ key: String, _ value: JSONValue, wanted: String) -> WeightsError {
        .malformed(file: file, key: prefix + key, reason: "it is a JSON \(value.kind), but \(wanted) is required")
    }

    package func outOfBounds(_ key: String, _ value: String, bound: String) -> WeightsError {
        .outOfBounds(file: file, key: prefix + key, value: value, bound: bound)
    }

    package func unsupported(_ key: String, _ value: String, supported: String) -> WeightsError {
        .unsupported(file: file, key: prefix + key, value: value, supported: supported)
    }
}
