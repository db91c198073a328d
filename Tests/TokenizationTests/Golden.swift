import Core
import JSON
import TestSupport
import Testing
import Tokenization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What `scripts/golden/tokenization.py` recorded for one tokenizer.
struct Golden {
    static let names = ["gpt2", "llama2", "llama3", "metaspace", "mistral", "o200k", "qwen2"]

    let tokenizer: Tokenizer
    let texts: [TextCase]
    let sequences: [SequenceCase]
    let long: [LongCase]

    struct TextCase {
        let text: String
        let ids: [TokenID]
        let plain: [TokenID]
        let decoded: String
        let skipped: String
    }

    struct SequenceCase {
        let ids: [TokenID]
        let text: String
        let skipped: String
    }

    struct LongCase {
        let text: String
        let count: Int
        let checksum: Int
    }

    init(_ name: String) throws {
        tokenizer = try Tokenizer(parsing: try Self.bytes("\(name).json"))
        let recorded = try JSONValue(parsing: try Self.bytes("\(name).cases.json"))
        let shared = try #require(try JSONValue(parsing: try Self.bytes("texts.json")).array)
        let cases = try #require(recorded["texts"]?.array)
        try #require(shared.count == cases.count)
        texts = try zip(shared, cases).map { text, recorded in
            let fields = try #require(recorded.array)
            let text = try #require(text.string)
            let ids = try Self.ids(fields[0])
            let decoded = fields[2].string ?? text
            return TextCase(
                text: text,
                ids: ids,
                plain: fields[1].isNull ? ids : try Self.ids(fields[1]),
                decoded: decoded,
                skipped: fields[3].string ?? decoded
            )
        }
        sequences = try #require(recorded["decode"]?.array).map { recorded in
            let text = try #require(recorded["text"]?.string)
            let ids = try Self.ids(try #require(recorded["ids"]))
            return SequenceCase(ids: ids, text: text, skipped: recorded["skipped"]?.string ?? text)
        }
        long = try #require(recorded["long"]?.array).map { recorded in
            let part = try #require(recorded["text"]?.string)
            let text = String(repeating: part, count: try #require(recorded["repeat"]?.int))
            return LongCase(
                text: text + (try #require(recorded["tail"]?.string)),
                count: try #require(recorded["count"]?.int),
                checksum: try #require(recorded["checksum"]?.int)
            )
        }
    }

    private static func ids(_ value: JSONValue) throws -> [TokenID] {
        try #require(value.array).map { TokenID(Int32(try #require($0.int))) }
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let file = try #require(fopen("/\(folder)/Golden/tokenizers/\(name)", "rb"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes
    }
}
