import Core
import TestSupport
import Testing

@testable import Tokenization

@Suite struct StreamTests {
    @Test func `a character comes with the last of its bytes`() throws {
        let tokenizer = try Golden("gpt2").tokenizer
        // The bytes of 😀 in GPT-2's alphabet.
        let ids = try ["ð", "Ł", "ĺ", "Ģ"].map { try #require(tokenizer.id(ofToken: $0)) }
        var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecialTokens: true)
        #expect(ids.map { detokenizer.append($0) } == ["", "", "", "😀"])
        #expect(detokenizer.finish() == "")
        detokenizer = IncrementalDetokenizer(tokenizer, skipSpecialTokens: true)
        #expect(ids.dropLast().map { detokenizer.append($0) } == ["", "", ""])
        #expect(detokenizer.finish() == "\u{FFFD}")
    }

    @Test func `a run of fallback bytes comes when it ends, whole or broken`() throws {
        let tokenizer = try Golden("llama2").tokenizer
        let bytes = try ["<0xE4>", "<0xBD>", "<0xA0>", "<0xFF>"].map { try #require(tokenizer.id(ofToken: $0)) }
        let word = try #require(tokenizer.id(ofToken: "▁the"))
        var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecialTokens: true)
        #expect((bytes.dropLast() + [word]).map { detokenizer.append($0) } == ["", "", "", "你 the"])
        detokenizer = IncrementalDetokenizer(tokenizer, skipSpecialTokens: true)
        #expect(bytes.map { detokenizer.append($0) } == ["", "", "", ""])
        #expect(detokenizer.finish() == String(repeating: "\u{FFFD}", count: 4))
    }

    @Test func `plain tokens come at once`() throws {
        for name in Golden.names {
            let tokenizer = try Golden(name).tokenizer
            var detokenizer = IncrementalDetokenizer(tokenizer, skipSpecialTokens: true)
            let parts = tokenizer.encode("one two three", addSpecialTokens: false).map { detokenizer.append($0) }
            // The first one may be a mark alone, which is taken from the start.
            #expect(parts.dropFirst().allSatisfy { $0 != "" }, "\(name)")
            #expect(detokenizer.finish() == "", "\(name)")
        }
    }

    @Test func `broken bytes become replacement characters as in the standard library, however they arrive`() {
        var random = SplitMix(seed: 9)
        let interesting: [UInt8] = [
            0x41, 0x80, 0xBF, 0xC1, 0xC3, 0xE0, 0xA0, 0xED, 0x9F, 0xF0, 0x90, 0xF4, 0x8F, 0xF5, 0xFF,
        ]
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                interesting.randomElement(using: &random) ?? 0
            }
            var assembler = UTF8Assembler()
            var output: [UInt8] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = rest.prefix(Int.random(in: 1...3, using: &random))
                output += assembler.append(Array(part))
                rest = rest.dropFirst(part.count)
            }
            output += assembler.finish()
            #expect(output == Array(String(decoding: bytes, as: UTF8.self).utf8), "\(bytes)")
            #expect(UTF8Assembler.isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil))
        }
    }

    @Test func `strip holds back only what it may take`() {
        var stage = DecoderStage(.strip(content: [0x20], start: 1, stop: 1))
        #expect(stage.accept(.text(Array("  a ".utf8))) == [.text(Array(" a".utf8))])
        #expect(stage.accept(.text(Array("b  ".utf8))) == [.text(Array(" b ".utf8))])
        #expect(stage.accept(.chunkEnd) == [.chunkEnd])
        #expect(stage.accept(.text(Array(" c".utf8))) == [.text(Array("c".utf8))])
    }

    @Test func `a stop string is held back, found and cut off`() {
        var matcher = StopStringMatcher(stops: ["END", "</s>"], includeStop: false)
        #expect(matcher.append("hello E") == ("hello ", nil))
        #expect(matcher.append("N") == ("", nil))
        #expect(matcher.append("x") == ("ENx", nil))
        #expect(matcher.append("yEND and more") == ("y", "END"))
        #expect(matcher.append("more") == ("", nil))
        #expect(matcher.finish() == "")
    }

    @Test func `the stop string is emitted on request and a tail is given at the end`() {
        var matcher = StopStringMatcher(stops: ["\n\n"], includeStop: true)
        #expect(matcher.append("a\n") == ("a", nil))
        #expect(matcher.append("\nb") == ("\n\n", "\n\n"))
        matcher = StopStringMatcher(stops: ["\n\n"], includeStop: true)
        #expect(matcher.append("a\n") == ("a", nil))
        #expect(matcher.finish() == "\n")
    }

    @Test func `no stop strings hold nothing back`() {
        var matcher = StopStringMatcher(stops: ["", ""], includeStop: false)
        #expect(matcher.append("abc") == ("abc", nil))
        #expect(matcher.finish() == "")
    }

    @Test func `of stop strings complete at once the longest counts`() {
        var matcher = StopStringMatcher(stops: ["b", "ab"], includeStop: false)
        #expect(matcher.append("xab") == ("x", "ab"))
    }

    @Test func `how the text is cut changes nothing`() {
        var random = SplitMix(seed: 4)
        let letters = ["a", "b", "é"]
        func text(_ count: ClosedRange<Int>) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" }
                .joined()
        }
        for _ in 0..<3000 {
            let stops = (0..<Int.random(in: 0...3, using: &random)).map { _ in text(1...4) }
            let input = text(0...20)
            let includes = Bool.random(using: &random)
            var matcher = StopStringMatcher(stops: stops, includeStop: includes)
            var emitted = ""
            var matched: String?
            var rest = input[...]
            while !rest.isEmpty {
                let part = rest.prefix(Int.random(in: 1...3, using: &random))
                let (emit, found) = matcher.append(String(part))
                emitted += emit
                matched = matched ?? found
                rest = rest.dropFirst(part.count)
            }
            emitted += matcher.finish()
            let (text, stop) = reference(Array(input), stops, includes)
            #expect(emitted == text, "\(input) \(stops)")
            #expect(matched == stop)
        }
    }

    /// Looks for the first end of any stop string, and there for the longest.
    private func reference(_ text: [Character], _ stops: [String], _ includes: Bool) -> (String, String?) {
        for end in 0...text.count {
            let head = String(text[..<end])
            if let stop = stops.filter({ head.hasSuffix($0) }).max(by: { $0.utf8.count < $1.utf8.count }) {
                return (includes ? head : String(head.dropLast(stop.count)), stop)
            }
        }
        return (String(text), nil)
    }
}
