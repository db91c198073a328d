internal import JSON

extension Value {
    /// - Throws: `depthExceeded` when the document nests deeper than values may.
    init(json: JSONValue, depth: Int = 0) throws(Fault) {
        guard depth < Extent.maxDepth else { throw .depthExceeded(limit: Extent.maxDepth) }
        switch json {
        case .null: self = .none
        case .bool(let bool): self = .bool(bool)
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .float(number)
        case .string(let string): self = .string(string)
        case .array(let array):
            var items: [Value] = []
            items.reserveCapacity(array.count)
            for element in array { items.append(try Value(json: element, depth: depth + 1)) }
            self = try .list(items)
        case .object(let object):
            var dictionary = ValueDictionary()
            for (key, value) in object {
                try dictionary.set(.string(key), to: try Value(json: value, depth: depth + 1))
            }
            self = .dictionary(dictionary)
        }
    }
}
