/// The members of a JSON object in the order they were written; keys are unique.
///
/// Keys are told apart by their bytes: `é` as one scalar and as two are two keys, as in every other JSON reader.
package struct JSONObject: Sendable, Hashable {
    package private(set) var keys: [String] = []
    package private(set) var values: [JSONValue] = []
    /// Position of each key; built only for objects too large to search.
    private var positions: [ByteKey: Int] = [:]

    /// Up to here a linear search beats hashing.
    private static let linearLimit = 8

    package init() {}

    /// A later value replaces an earlier one of the same key, in the earlier one's place.
    package init(_ members: some Sequence<(String, JSONValue)>) {
        for (key, value) in members { self[key] = value }
    }

    package var count: Int { keys.count }
    package var isEmpty: Bool { keys.isEmpty }

    package subscript(key: String) -> JSONValue? {
        get { position(of: key).map { values[$0] } }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): values[position] = value
            case (nil, let value?): append(key, value)
            case (let position?, nil): remove(at: position)
            case (nil, nil): break
            }
        }
    }

    /// Adds a member if the key is new; returns whether it was.
    package mutating func insert(_ key: String, _ value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        append(key, value)
        return true
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.keys == right.keys && left.values == right.values
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(keys)
        hasher.combine(values)
    }

    private func position(of key: String) -> Int? {
        guard keys.count <= Self.linearLimit else { return positions[ByteKey(text: key)] }
        return keys.firstIndex { $0.utf8.elementsEqual(key.utf8) }
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        keys.append(key)
        values.append(value)
        if keys.count == Self.linearLimit + 1 {
            indexKeys()
        } else if keys.count > Self.linearLimit {
            positions[ByteKey(text: key)] = keys.count - 1
        }
    }

    private mutating func remove(at position: Int) {
        keys.remove(at: position)
        values.remove(at: position)
        indexKeys()
    }

    private mutating func indexKeys() {
        positions.removeAll(keepingCapacity: true)
        guard keys.count > Self.linearLimit else { return }
        for (position, key) in keys.enumerated() { positions[ByteKey(text: key)] = position }
    }
}

/// A key compared byte by byte, where `String` would compare canonically equivalent texts as equal.
private struct ByteKey: Hashable {
    let text: String

    static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(0xFF as UInt8)
    }
}

extension JSONObject: Sequence {
    package func makeIterator() -> Zip2Sequence<[String], [JSONValue]>.Iterator {
        zip(keys, values).makeIterator()
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
