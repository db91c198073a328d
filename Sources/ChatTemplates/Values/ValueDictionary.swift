/// A Python dict: keys in the order of their first insertion, equal numbers being one key.
struct ValueDictionary: Sendable {
    private(set) var keys: [Value] = []
    private(set) var values: [Value] = []
    private(set) var extent = Extent.one
    /// Position of each key; built only for dictionaries too large to search.
    private var positions: [Key: Int] = [:]

    /// Up to here a linear search beats hashing.
    private static let linearLimit = 8

    var count: Int { keys.count }

    /// The value under a key that is hashable in Python.
    func value(for key: Value) throws(Fault) -> Value? {
        try position(of: key).map { values[$0] }
    }

    func value(for key: String) -> Value? {
        let text = Text(key)
        if keys.count > Self.linearLimit { return positions[Key(hashed: .string(text))].map { values[$0] } }
        for (index, candidate) in keys.enumerated() {
            if case .string(let name) = candidate, name == text { return values[index] }
        }
        return nil
    }

    mutating func set(_ key: Value, to value: Value) throws(Fault) {
        try extent.contain(key.extent)
        try extent.contain(value.extent)
        if let position = try position(of: key) {
            values[position] = value
            return
        }
        keys.append(key)
        values.append(value)
        if keys.count == Self.linearLimit + 1 {
            for (index, key) in keys.enumerated() { positions[Key(hashed: key)] = index }
        } else if keys.count > Self.linearLimit {
            positions[Key(hashed: key)] = keys.count - 1
        }
    }

    func items() throws(Fault) -> [Value] {
        var pairs: [Value] = []
        for (key, value) in zip(keys, values) { pairs.append(try .tuple([key, value])) }
        return pairs
    }

    private func position(of key: Value) throws(Fault) -> Int? {
        try key.checkHashable()
        if keys.count > Self.linearLimit { return positions[Key(hashed: key)] }
        return keys.firstIndex { $0.equals(key) }
    }
}

/// A hashable value, compared as Python compares dictionary keys.
struct Key: Hashable {
    private let value: Value

    init(_ value: Value) throws(Fault) {
        try value.checkHashable()
        self.value = value
    }

    /// - Precondition: `hashed` passed `checkHashable`.
    fileprivate init(hashed: Value) { value = hashed }

    static func == (left: Key, right: Key) -> Bool { left.value.equals(right.value) }

    func hash(into hasher: inout Hasher) { Self.combine(value, into: &hasher) }

    private static func combine(_ value: Value, into hasher: inout Hasher) {
        switch value {
        case .bool(let bool): hasher.combine(bool ? 1 : 0)
        case .integer(let integer): hasher.combine(integer)
        case .float(let float):
            // Equal numbers must hash alike whatever their type.
            if let integer = Int(exactly: float) { hasher.combine(integer) } else { hasher.combine(float) }
        case .string(let text): hasher.combine(text)
        case .tuple(let items): for item in items.values { combine(item, into: &hasher) }
        case .object(let reference): hasher.combine(reference)
        default: hasher.combine(0)
        }
    }
}

extension Value {
    /// Throws for what Python cannot use as a dictionary key or set member.
    func checkHashable() throws(Fault) {
        switch self {
        case .list, .dictionary, .view(.keys), .view(.items): throw .evaluation("unhashable type: '\(typeName)'")
        case .tuple(let items): for item in items.values { try item.checkHashable() }
        default: break
        }
    }
}
