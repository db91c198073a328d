import Adapters
import Core
import JSON
import OpenAI

/// A valid wish to register an adapter: `{"name", "path", "pinned": bool, "replace": bool | digest}`.
struct AdapterRegistration: ValidBody, Equatable {
    let name: String
    let directory: String
    let isPinned: Bool
    let replacement: AdapterReplacement

    init(parsing body: [UInt8]) throws(OpenAIError) {
        let fields = try FieldReader(body: body)
        name = try fields.requiredString("name")
        directory = try fields.requiredString("path")
        isPinned = try fields.bool("pinned") ?? false
        replacement = try Self.replacement(fields)
    }

    /// vLLM's form: `{"lora_name", "lora_path", "load_inplace": bool}`.
    init(parsingLoad body: [UInt8]) throws(OpenAIError) {
        let fields = try FieldReader(body: body)
        name = try fields.requiredString("lora_name")
        directory = try fields.requiredString("lora_path")
        isPinned = false
        replacement = try fields.bool("load_inplace") ?? false ? .always : .ifAbsent
    }

    private static func replacement(_ fields: FieldReader) throws(OpenAIError) -> AdapterReplacement {
        switch fields.value("replace") {
        case nil, .bool(false): return .ifAbsent
        case .bool(true): return .always
        case .string(let hex):
            guard let digest = AdapterDigest(hex: hex) else {
                throw .outOfRange(field: "replace", bound: "a digest of 64 hexadecimal digits", value: "'\(hex)'")
            }
            return .expecting(digest)
        case .some(let other):
            throw .wrongType(field: "replace", expected: "a boolean or a digest", actual: other.typeName)
        }
    }
}
