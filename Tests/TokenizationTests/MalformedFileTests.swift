import Core
import JSON
import TestSupport
import Testing
import Tokenization

/// Files that must be refused, and what the refusal says.
@Suite struct MalformedFileTests {
    private static let model = #""model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}"#

    private func error(_ text: String) -> TokenizationError? {
        do throws(TokenizationError) {
            _ = try Tokenizer(parsing: Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    private func error(vocab: String = #"{"a": 0, "b": 1, "ab": 2}"#, merges: String = "[]", more: String = "")
        -> TokenizationError?
    {
        error(#"{"model": {"type": "BPE", "vocab": \#(vocab), "merges": \#(merges)\#(more)}}"#)
    }

    @Test func `the smallest file is accepted`() {
        #expect(error("{\(Self.model)}") == nil)
    }

    @Test(arguments: ["", "[]", "null", "{", #"{"model""#, #"{"model": }"#, "{\(Self.model)} x", "{\(Self.model),}"])
    func `what is not a JSON object is refused`(text: String) {
        #expect(error(text) != nil)
    }

    @Test func `invalid UTF-8 is refused`() {
        #expect(throws: TokenizationError.invalidEncoding) {
            try Tokenizer(parsing: Array("{\(Self.model), \"x\": \"".utf8) + [0xFF] + Array("\"}".utf8))
        }
    }

    @Test func `every cut of a file is refused`() {
        let text = "{\(Self.model)}"
        for length in 0..<text.utf8.count {
            #expect(error(String(text.prefix(length))) != nil, "\(length)")
        }
    }

    @Test func `a missing model, vocabulary or merges is named`() {
        #expect(error("{}") == .missing(field: "model"))
        #expect(error(#"{"model": {"merges": []}}"#) == .missing(field: "model.vocab"))
        #expect(error(#"{"model": {"vocab": {}}}"#) == .missing(field: "model.merges"))
    }

    @Test func `wrong types are named`() {
        #expect(error(#"{"model": 3}"#) == .wrongType(field: "model", expected: "object", actual: "number"))
        #expect(error(vocab: "[]") == .wrongType(field: "model.vocab", expected: "object", actual: "array"))
        #expect(error(merges: "{}") == .wrongType(field: "model.merges", expected: "array", actual: "object"))
        #expect(
            error(merges: "[7]")
                == .wrongType(
                    field: "model.merges[0]",
                    expected: "string or array",
                    actual: "number"
                )
        )
        #expect(
            error(merges: #"[["a", 1]]"#)
                == .wrongType(
                    field: "model.merges[0]",
                    expected: "pair of strings",
                    actual: "array with number"
                )
        )
        #expect(
            error(vocab: #"{"a": "0"}"#)
                == .wrongType(
                    field: #"model.vocab["a"]"#,
                    expected: "integer",
                    actual: "string"
                )
        )
        #expect(
            error(vocab: #"{"a": 1.5}"#)
                == .wrongType(
                    field: #"model.vocab["a"]"#,
                    expected: "integer",
                    actual: "number"
                )
        )
        #expect(
            error(more: #", "byte_fallback": 1"#)
                == .wrongType(
                    field: "model.byte_fallback",
                    expected: "boolean",
                    actual: "number"
                )
        )
    }

    @Test func `merges of unknown tokens are refused`() {
        #expect(error(merges: #"["a b", "a c"]"#) == .unknownToken(field: "model.merges[1]", token: "c"))
        #expect(error(merges: #"[["b", "a"]]"#) == .unknownToken(field: "model.merges[0]", token: "ba"))
        #expect(
            error(merges: #"["a  b"]"#)
                == .invalidValue(
                    field: "model.merges[0]",
                    value: #""a  b""#,
                    expected: "two tokens"
                )
        )
        #expect(
            error(merges: #"[["a"]]"#)
                == .invalidValue(
                    field: "model.merges[0]",
                    value: #"["a"]"#,
                    expected: "two tokens"
                )
        )
    }

    @Test func `ids are unique and bounded`() {
        #expect(error(vocab: #"{"a": 0, "b": 0}"#) == .duplicateID(id: 0, first: "a", second: "b"))
        #expect(error(vocab: #"{"a": 0, "a": 1}"#) == .duplicateToken("a"))
        #expect(error(vocab: #"{"a": -1}"#) == .idOutOfRange(field: #"model.vocab["a"]"#, id: -1, limit: 1 << 22))
        #expect(
            error(vocab: #"{"a": 4194304}"#)
                == .idOutOfRange(
                    field: #"model.vocab["a"]"#,
                    id: 1 << 22,
                    limit: 1 << 22
                )
        )
        #expect(
            error(vocab: #"{"a": 99999999999}"#)
                == .idOutOfRange(
                    field: #"model.vocab["a"]"#,
                    id: 99_999_999_999,
                    limit: 1 << 22
                )
        )
        #expect(error(vocab: #"{"a": 123456789012345678901234567890}"#) != nil)
        #expect(error(vocab: #"{"a": 01}"#) != nil)
    }

    @Test func `other models, dropout and an unknown unknown token are refused`() {
        #expect(
            error(#"{"model": {"type": "Unigram", "vocab": []}}"#)
                == .unsupported(
                    field: "model.type",
                    kind: "Unigram"
                )
        )
        #expect(error(more: #", "dropout": 0.1"#) == .unsupported(field: "model.dropout", kind: "0.1"))
        #expect(error(more: #", "unk_token": "u""#) == .unknownToken(field: "model.unk_token", token: "u"))
        #expect(error(#"{"version": "2.0", \#(Self.model)}"#) == .unsupported(field: "version", kind: "2.0"))
    }

    @Test(arguments: [
        ("normalizer", #"{"type": "Precompiled"}"#, "normalizer.type", "Precompiled"),
        (
            "normalizer", #"{"type": "Sequence", "normalizers": [{"type": "Nmt"}]}"#, "normalizer.normalizers[0].type",
            "Nmt"
        ),
        ("pre_tokenizer", #"{"type": "BertPreTokenizer"}"#, "pre_tokenizer.type", "BertPreTokenizer"),
        ("post_processor", #"{"type": "BertProcessing"}"#, "post_processor.type", "BertProcessing"),
        ("decoder", #"{"type": "WordPiece"}"#, "decoder.type", "WordPiece"),
    ])
    func `unknown parts are refused by name`(section: String, value: String, field: String, kind: String) {
        #expect(error(#"{"\#(section)": \#(value), \#(Self.model)}"#) == .unsupported(field: field, kind: kind))
    }

    @Test func `parts without what they need are refused`() {
        #expect(error(#"{"normalizer": {}, \#(Self.model)}"#) == .missing(field: "normalizer.type"))
        #expect(error(#"{"normalizer": {"type": "Prepend"}, \#(Self.model)}"#) == .missing(field: "normalizer.prepend"))
        let split = #"{"type": "Split", "pattern": {"Regex": "(?<=a)b"}, "behavior": "Isolated", "invert": false}"#
        guard
            case .pattern(field: "pre_tokenizer.pattern", pattern: "(?<=a)b", _) = error(
                #"{"pre_tokenizer": \#(split), \#(Self.model)}"#
            )
        else {
            Issue.record("lookbehind was accepted")
            return
        }
        let behavior = #"{"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd", "invert": false}"#
        #expect(
            error(#"{"pre_tokenizer": \#(behavior), \#(Self.model)}"#)
                == .invalidValue(
                    field: "pre_tokenizer.behavior",
                    value: "\"Odd\"",
                    expected: "one of Contiguous, Isolated, MergedWithNext, MergedWithPrevious, Removed"
                )
        )
        let template =
            #"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}], "special_tokens": {}}"#
        #expect(
            error(#"{"post_processor": \#(template), \#(Self.model)}"#)
                == .unknownToken(field: "post_processor.single[0].SpecialToken", token: "x")
        )
    }

    @Test func `added tokens that would be renumbered are refused`() {
        func added(_ id: Int, _ content: String) -> TokenizationError? {
            let flags = #""single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true"#
            return error(#"{"added_tokens": [{"id": \#(id), "content": "\#(content)", \#(flags)}], \#(Self.model)}"#)
        }
        #expect(added(3, "<x>") == nil)
        #expect(added(1, "b") == nil)
        #expect(added(9, "<x>") == .addedTokenID(content: "<x>", declared: 9, expected: 3))
        #expect(added(0, "b") == .addedTokenID(content: "b", declared: 0, expected: 1))
        #expect(added(-1, "<x>") == .idOutOfRange(field: "added_tokens[0].id", id: -1, limit: 1 << 22))
        #expect(
            error(#"{"added_tokens": [{"id": 3, "content": "x"}], \#(Self.model)}"#)
                == .missing(field: "added_tokens[0].single_word")
        )
    }

    @Test func `random damage never traps`() throws {
        let file = try Golden.bytes("mistral.json")
        var random = SplitMix(seed: 5)
        for _ in 0..<60 {
            var damaged = file
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: damaged[place] = UInt8.random(in: 0...255, using: &random)
                case 1: damaged.remove(at: place)
                default: damaged.insert(UInt8.random(in: 32..<127, using: &random), at: place)
                }
            }
            guard let tokenizer = try? Tokenizer(parsing: damaged) else { continue }
            _ = tokenizer.decode(tokenizer.encode("Hello é 你 <s>", addSpecialTokens: true), skipSpecialTokens: true)
        }
    }

    @Test func `errors say what is wrong in words`() {
        let text = TokenizationError.wrongType(field: "model.vocab", expected: "object", actual: "array").description
        #expect(text == "model.vocab is array, expected object")
    }
}
