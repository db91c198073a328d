import Core
import JSON
import Testing
import Tokenization

@Suite struct TokenizerTests {
    @Test(arguments: Golden.names)
    func `encoding gives the recorded ids`(name: String) throws {
        let golden = try Golden(name)
        #expect(golden.texts.count > 100)
        for recorded in golden.texts {
            let text = recorded.text.debugDescription
            #expect(golden.tokenizer.encode(recorded.text, addSpecialTokens: true) == recorded.ids, "\(text)")
            #expect(golden.tokenizer.encode(recorded.text, addSpecialTokens: false) == recorded.plain, "\(text)")
        }
    }

    @Test(arguments: Golden.names)
    func `long texts give the recorded ids`(name: String) throws {
        let golden = try Golden(name)
        #expect(golden.long.count == 4)
        for recorded in golden.long {
            let ids = golden.tokenizer.encode(recorded.text, addSpecialTokens: false)
            let checksum = ids.reduce(0) { ($0 * 31 + Int($1.rawValue)) % (1 << 31) }
            #expect(ids.count == recorded.count)
            #expect(checksum == recorded.checksum)
        }
    }

    @Test(arguments: Golden.names)
    func `decoding gives the recorded texts, byte for byte`(name: String) throws {
        let golden = try Golden(name)
        let cases = golden.texts.map { ($0.ids, $0.decoded, $0.skipped) }
        for (ids, text, skipped) in cases + golden.sequences.map({ ($0.ids, $0.text, $0.skipped) }) {
            // Strings compare equal across normalization forms; bytes do not.
            let decoded = golden.tokenizer.decode(ids, skipSpecialTokens: false)
            #expect(Array(decoded.utf8) == Array(text.utf8), "\(ids)")
            let decodedText = golden.tokenizer.decode(ids, skipSpecialTokens: true)
            #expect(Array(decodedText.utf8) == Array(skipped.utf8), "\(ids)")
        }
    }

    @Test(arguments: Golden.names)
    func `a stream concatenates to the whole decode and never shows a broken character early`(name: String) throws {
        let golden = try Golden(name)
        for recorded in golden.sequences {
            for skips in [false, true] {
                var detokenizer = IncrementalDetokenizer(golden.tokenizer, skipSpecialTokens: skips)
                let parts = recorded.ids.map { detokenizer.append($0) } + [detokenizer.finish()]
                #expect(Array(parts.joined().utf8) == Array((skips ? recorded.skipped : recorded.text).utf8))
            }
        }
    }

    @Test(arguments: ["gpt2", "llama3", "o200k"])
    func `the bytes of a text's tokens are the text's bytes`(name: String) throws {
        let golden = try Golden(name)
        for recorded in golden.texts where recorded.decoded == recorded.text {
            let bytes = recorded.plain.flatMap { golden.tokenizer.bytes(of: $0) }
            #expect(bytes == Array(recorded.text.utf8))
        }
    }

    @Test func `bytes of a fallback token are one byte and the mark is a space`() throws {
        let tokenizer = try Golden("llama2").tokenizer
        let byte = try #require(tokenizer.id(ofToken: "<0xE4>"))
        #expect(tokenizer.bytes(of: byte) == [0xE4])
        #expect(tokenizer.bytes(of: try #require(tokenizer.id(ofToken: "▁the"))) == Array(" the".utf8))
        #expect(tokenizer.bytes(of: TokenID(1 << 20)) == [])
    }

    @Test func `tokens are found by id and by content`() throws {
        let tokenizer = try Golden("llama3").tokenizer
        #expect(tokenizer.vocabularySize == 905)
        let id = try #require(tokenizer.id(ofToken: "<|eot_id|>"))
        #expect(tokenizer.token(ofID: id) == "<|eot_id|>")
        #expect(tokenizer.isSpecial(id))
        let word = try #require(tokenizer.id(ofToken: "Ġthe"))
        #expect(tokenizer.token(ofID: word) == "Ġthe")
        #expect(!tokenizer.isSpecial(word))
        #expect(tokenizer.id(ofToken: "no such token") == nil)
        #expect(tokenizer.token(ofID: TokenID(905)) == nil)
        #expect(tokenizer.token(ofID: TokenID(-1)) == nil)
    }

    @Test func `ids without a token are left out`() throws {
        let tokenizer = try Golden("gpt2").tokenizer
        let ids = [TokenID(-1), try #require(tokenizer.id(ofToken: "a")), TokenID(.max)]
        #expect(tokenizer.decode(ids, skipSpecialTokens: false) == "a")
    }

    @Test func `a megabyte without a break takes no quadratic time`() throws {
        for name in ["llama2", "llama3"] {
            let tokenizer = try Golden(name).tokenizer
            let start = ContinuousClock.now
            let text = String(repeating: "ab", count: 1 << 17)
            let ids = tokenizer.encode(text, addSpecialTokens: false)
            #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text)
            // Quadratic merging would take minutes even in release.
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }

    @Test func `tokens that differ only in normalization stay apart`() throws {
        let file =
            #"{"model": {"type": "BPE", "vocab": {"\u00e9": 0, "e\u0301": 1, "e": 2, "\u0301": 3}, "#
            + #""merges": [["e", "\u0301"]]}, "decoder": {"type": "Fuse"}}"#
        let tokenizer = try Tokenizer(parsing: Array(file.utf8))
        #expect(tokenizer.encode("\u{E9}", addSpecialTokens: false) == [TokenID(0)])
        #expect(tokenizer.encode("e\u{301}", addSpecialTokens: false) == [TokenID(1)])
        #expect(tokenizer.id(ofToken: "e\u{301}") == TokenID(1))
    }

    @Test func `copies share storage`() throws {
        #expect(MemoryLayout<Tokenizer>.size == MemoryLayout<AnyObject>.size)
    }
}
