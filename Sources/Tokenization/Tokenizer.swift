package import Core
import JSON

/// A Hugging Face `tokenizer.json` for byte-pair encoding: byte-level (GPT-2, Llama 3, Qwen) or with byte fallback
/// (Llama 2, Mistral).
///
/// Gives the ids and the text that the `tokenizers` library gives (checked against 0.23.3), except that:
/// - decoding can leave out every special token, also one that is looked for in normalized form;
/// - files that the library would renumber are refused;
/// - ignoring case never equates one character with two (`ß` with `ss`);
/// - `Metaspace` with the scheme `first` does not see which characters other pre-tokenizers have inserted.
///
/// Blocks `truncation` and `padding` are ignored. A copy costs one reference; safe to use from many threads.
package struct Tokenizer: Sendable {
    let storage: TokenizerStorage

    /// Reads a file.
    package init(parsing tokenizerJSON: [UInt8]) throws(TokenizationError) {
        storage = try TokenizerStorage(TokenizerFile(tokenizerJSON))
    }

    /// One above the highest id of a token.
    package var vocabularySize: Int {
        max(storage.model.vocabulary.idBound, storage.added.idBound)
    }

    /// The id of a token, written as in the file.
    package func id(ofToken token: String) -> TokenID? {
        let bytes = Array(token.utf8)
        return (storage.added.id(of: bytes) ?? storage.model.vocabulary.id(of: bytes)).map { TokenID(Int32($0)) }
    }

    /// A token as written in the file; nil where no token has the id.
    package func token(ofID id: TokenID) -> String? {
        if let added = storage.added.tokens[Int(id.rawValue)] { return added.content }
        return storage.model.vocabulary.bytes(of: Int(id.rawValue)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the id is that of a token marked special, which decoding can leave out.
    package func isSpecial(_ id: TokenID) -> Bool {
        storage.added.tokens[Int(id.rawValue)]?.isSpecial ?? false
    }
}

/// What a tokenizer consists of; shared by its copies.
final class TokenizerStorage: Sendable {
    let normalizer: Normalizer?
    let added: AddedVocabulary
    let preTokenizer: PreTokenizer?
    let model: BytePairModel
    let postProcessor: PostProcessor?
    let decoders: [Decoder]

    init(_ file: TokenizerFile) throws(TokenizationError) {
        if let version = file.section("version"), version != "1.0" {
            throw .unsupported(field: "version", kind: version.string ?? version.encoded())
        }
        model = try BytePairModel(file)
        normalizer = try file.read("normalizer") { (value, path) throws(TokenizationError) in
            try Normalizer(value, path: path)
        }
        preTokenizer = try file.read("pre_tokenizer") { (value, path) throws(TokenizationError) in
            try PreTokenizer(value, path: path)
        }
        postProcessor = try file.read("post_processor") { (value, path) throws(TokenizationError) in
            try PostProcessor(value, path: path)
        }
        decoders =
            try file.read("decoder") { (value, path) throws(TokenizationError) in
                try Decoder.steps(value, path: path)
            } ?? [.joinWithSpaces]
        added = try AddedVocabulary(file.addedTokens(), vocabulary: model.vocabulary, normalizer: normalizer)
    }
}

extension TokenizerFile {
    /// Reads a top-level block that may be null.
    fileprivate func read<Part>(
        _ key: String,
        _ body: (JSONValue, String) throws(TokenizationError) -> Part
    ) throws(TokenizationError) -> Part? {
        guard let value = section(key) else { return nil }
        return try body(value, key)
    }

    fileprivate func addedTokens() throws(TokenizationError) -> [AddedToken] {
        guard section("added_tokens") != nil else { return [] }
        let fields = try Fields(.object(["added_tokens": section("added_tokens") ?? .null]), path: "")
        return try fields.elements("added_tokens") { (value, path) throws(TokenizationError) in
            try AddedToken(value, path: path)
        }
    }
}

extension BytePairModel {
    /// Reads the `model` block; other kinds than BPE, and dropout, are refused.
    fileprivate init(_ file: TokenizerFile) throws(TokenizationError) {
        guard let section = file.section("model") else { throw .missing(field: "model") }
        guard section.object != nil else {
            throw .wrongType(field: "model", expected: "object", actual: section.kind)
        }
        let fields = try Fields(.object(JSONObject(file.model.map { ($0.key, $0.value) })), path: "model")
        // Files of early versions do not say the type.
        let kind = try fields.optionalString("type") ?? "BPE"
        guard kind == "BPE" else { throw .unsupported(field: "model.type", kind: kind) }
        if let dropout = fields.optional("dropout"), dropout.double != 0 {
            throw .unsupported(field: "model.dropout", kind: dropout.encoded())
        }
        let vocabulary = try file.vocabulary()
        var options = Options()
        options.fusesUnknown = try fields.bool("fuse_unk", default: false)
        options.usesByteFallback = try fields.bool("byte_fallback", default: false)
        options.ignoresMerges = try fields.bool("ignore_merges", default: false)
        options.continuingPrefix = Array(try fields.optionalString("continuing_subword_prefix")?.utf8 ?? "".utf8)
        options.endSuffix = Array(try fields.optionalString("end_of_word_suffix")?.utf8 ?? "".utf8)
        if let unknown = try fields.optionalString("unk_token") {
            guard let id = vocabulary.id(of: unknown.utf8) else {
                throw .unknownToken(field: "model.unk_token", token: unknown)
            }
            options.unknownID = Int32(id)
        }
        let merges = try file.merges(of: vocabulary, continuingPrefix: options.continuingPrefix)
        self.init(vocabulary: vocabulary, merges: merges, options: options)
    }
}
