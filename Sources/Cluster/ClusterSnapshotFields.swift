internal import JSON

/// The members of one object of a snapshot, read within bounds; `null` counts as absent.
struct ClusterSnapshotFields {
    private let members: JSONObject
    /// Where the object stands, for messages: "" at the top, `runners.` inside.
    private let prefix: String

    /// - Parameter field: where the object stands; nil at the top.
    init(_ value: JSONValue, field: String? = nil) throws(ClusterSnapshotError) {
        guard let members = value.object else {
            throw .wrongKind(field: field ?? "snapshot", wanted: "an object", actual: value.kind)
        }
        self.members = members
        prefix = field.map { $0 + "." } ?? ""
    }

    func count(_ key: String) throws(ClusterSnapshotError) -> Int {
        let value = try required(key)
        guard let count = value.int else { throw wrongKind(key, "a whole number", value) }
        guard count >= 0 else { throw .outOfBounds(field: prefix + key, bound: "0 or more", value: "\(count)") }
        return count
    }

    func number(_ key: String) throws(ClusterSnapshotError) -> Double {
        guard let number = try optionalNumber(key) else { throw .missing(field: prefix + key) }
        return number
    }

    func optionalNumber(_ key: String) throws(ClusterSnapshotError) -> Double? {
        guard let value = present(key) else { return nil }
        guard let number = value.double else { throw wrongKind(key, "a number", value) }
        guard number >= 0 else { throw .outOfBounds(field: prefix + key, bound: "0 or more", value: "\(number)") }
        return number
    }

    func text(_ key: String) throws(ClusterSnapshotError) -> String {
        guard let text = try optionalText(key) else { throw .missing(field: prefix + key) }
        return text
    }

    func optionalText(_ key: String) throws(ClusterSnapshotError) -> String? {
        guard let value = present(key) else { return nil }
        guard let text = value.string else { throw wrongKind(key, "a string", value) }
        let length = text.unicodeScalars.count
        guard length <= ClusterSnapshot.textLimit else {
            throw .outOfBounds(
                field: prefix + key,
                bound: "at most \(ClusterSnapshot.textLimit) characters",
                value: "\(length) characters"
            )
        }
        return text
    }

    func word<Word: RawRepresentable & CaseIterable>(_ key: String) throws(ClusterSnapshotError) -> Word
    where Word.RawValue == String {
        let text = try text(key)
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw .outOfBounds(field: prefix + key, bound: "one of \(words)", value: "'\(text)'")
        }
        return word
    }

    func optionalObject(_ key: String) throws(ClusterSnapshotError) -> Self? {
        guard let value = present(key) else { return nil }
        return try Self(value, field: prefix + key)
    }

    /// A list as `{"items": […], "more": N}`.
    func list<Item>(
        _ key: String,
        limit: Int,
        _ item: (Self) throws(ClusterSnapshotError) -> Item
    ) throws(ClusterSnapshotError) -> ClusterSnapshotList<Item> {
        let fields = try Self(required(key), field: prefix + key)
        let value = try fields.required("items")
        guard let values = value.array else { throw fields.wrongKind("items", "an array", value) }
        guard values.count <= limit else {
            throw .outOfBounds(field: prefix + key, bound: "at most \(limit) items", value: "\(values.count) items")
        }
        var items: [Item] = []
        for value in values { items.append(try item(Self(value, field: prefix + key))) }
        return ClusterSnapshotList(items, omittedCount: try fields.count("more"))
    }

    private func required(_ key: String) throws(ClusterSnapshotError) -> JSONValue {
        guard let value = present(key) else { throw .missing(field: prefix + key) }
        return value
    }

    private func present(_ key: String) -> JSONValue? {
        guard let value = members[key], !value.isNull else { return nil }
        return value
    }

    private func wrongKind(_ key: String, _ wanted: String, _ value: JSONValue) -> ClusterSnapshotError {
        .wrongKind(field: prefix + key, wanted: wanted, actual: value.kind)
    }
}
