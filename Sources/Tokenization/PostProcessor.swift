import JSON

/// What is put around the tokens of a text.
indirect enum PostProcessor: Sendable {
    /// Changes offsets only, which we do not keep.
    case byteLevel
    case sequence([PostProcessor])
    case template([Piece])

    /// A part of a template.
    enum Piece: Sendable {
        case text
        case special([Int32])
    }

    func apply(to tokens: [Int32], addsSpecial: Bool) -> [Int32] {
        switch self {
        case .byteLevel: return tokens
        case .sequence(let steps):
            return steps.reduce(tokens) { $1.apply(to: $0, addsSpecial: addsSpecial) }
        case .template(let pieces):
            var result: [Int32] = []
            for piece in pieces {
                switch piece {
                case .text: result += tokens
                case .special(let ids): if addsSpecial { result += ids }
                }
            }
            return result
        }
    }

    /// Reads `{"type": …}`; a kind that is not listed here is refused.
    init(_ value: JSONValue, path: String) throws(TokenizationError) {
        let fields = try Fields(value, path: path)
        switch try fields.string("type") {
        case "ByteLevel": self = .byteLevel
        case "Sequence":
            self = .sequence(
                try fields.elements("processors") { (value, path) throws(TokenizationError) in
                    try PostProcessor(value, path: path)
                }
            )
        case "TemplateProcessing":
            let specials = try fields.value("special_tokens")
            self = .template(
                try fields.elements("single") { (value, path) throws(TokenizationError) in
                    try Piece(value, specials: specials, path: path)
                }
            )
        case let kind: throw .unsupported(field: "\(path).type", kind: kind)
        }
    }
}

extension PostProcessor.Piece {
    /// Reads `{"Sequence": {"id": "A"}}` or `{"SpecialToken": {"id": name}}`.
    fileprivate init(_ value: JSONValue, specials: JSONValue, path: String) throws(TokenizationError) {
        let fields = try Fields(value, path: path)
        if let sequence = fields.optional("Sequence") {
            let name = try Fields(sequence, path: fields.field("Sequence")).string("id")
            guard name == "A" else { throw .unsupported(field: "\(path).Sequence.id", kind: name) }
            self = .text
            return
        }
        let name = try Fields(fields.value("SpecialToken"), path: fields.field("SpecialToken")).string("id")
        guard let special = specials[name] else {
            throw .unknownToken(field: fields.field("SpecialToken"), token: name)
        }
        let entry = try Fields(special, path: "post_processor.special_tokens.\(name)")
        self = .special(
            try entry.elements("ids") { (value, path) throws(TokenizationError) in
                guard let id = value.int else {
                    throw .wrongType(field: path, expected: "integer", actual: value.kind)
                }
                guard (0..<Vocabulary.idLimit).contains(id) else {
                    throw .idOutOfRange(field: path, id: id, limit: Vocabulary.idLimit)
                }
                return Int32(id)
            }
        )
    }
}
