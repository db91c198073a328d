import Testing

@testable import Tokenization

@Suite struct PatternTests {
    private func matches(_ regex: String, _ text: String) throws -> [String] {
        let bytes = Array(text.utf8)
        var found: [String] = []
        try Pattern(regex: regex).forEachMatch(in: bytes.span) { start, end in
            found.append(String(decoding: bytes[start..<end], as: UTF8.self))
        }
        return found
    }

    @Test(arguments: [
        (#"a+"#, "aa b aaa", ["aa", "aaa"]),
        (#"a+?"#, "aaa", ["a", "a", "a"]),
        (#"a*+a"#, "aaa", []),
        (#"(?>a+)b|a"#, "aab a", ["aab", "a"]),
        (#"a{2}"#, "aaaaa", ["aa", "aa"]),
        (#"a{,2}"#, "aaab", ["aa", "a", ""]),
        (#"a{2,}"#, "a aa aaaa", ["aa", "aaaa"]),
        (#"a{1,2}+"#, "aaaaa", ["aaaaa"]),
        (#"(?:ab){2,3}"#, "abababab ab", ["ababab"]),
        (#"(?:ab|a)+?c"#, "abaac", ["abaac"]),
        (#"(?:ab|a)++b"#, "aab", []),
        (#"a{b"#, "a{b", ["a{b"]),
        (#"b*"#, "abba", ["", "bb", ""]),
        (#"(?i:'s|'LL)"#, "'S 'll 'ſ 's 'x", ["'S", "'ll", "'ſ", "'s"]),
        (#"(?i:[a-z])"#, "K1", ["K"]),
        (#"x(?i)y|z"#, "xY xZ X", ["xY", "xZ"]),
        (#"\s+(?!\S)"#, "a   b  ", ["  ", "  "]),
        (#"a(?=b)"#, "ab ac ab", ["a", "a"]),
        (#"[^\s\p{L}\p{N}]+"#, "a!? 1..", ["!?", ".."]),
        (#"\p{N}{1,3}"#, "12345", ["123", "45"]),
        (#"[\p{Lu}\p{Lt}]\p{Ll}*"#, "HelloWorld ǅx", ["Hello", "World", "ǅx"]),
        (#"\P{L}+"#, "ab12é!", ["12", "!"]),
        (#"\p{^L}+"#, "ab12", ["12"]),
        (#"[a-c\-x]+"#, "a-cxd", ["a-cx"]),
        (#"[]a]+"#, "]a", ["]a"]),
        (#"[a[bc]]+"#, "abcd", ["abc"]),
        (#"[\r\n]+"#, "a\r\n\nb", ["\r\n\n"]),
        (#".+"#, "ab\ncd", ["ab", "cd"]),
        (#"(?m:.+)"#, "ab\ncd", ["ab\ncd"]),
        (#"^a"#, "a\na", ["a", "a"]),
        (#"a$"#, "a\nba", ["a", "a"]),
        (#"\Aa|a\z"#, "aaa", ["a", "a"]),
        (#"a\Z"#, "aa\n", ["a"]),
        (#"\ba"#, "a ba a", ["a", "a"]),
        (#"a\B"#, "ab a", ["a"]),
        (#"\x41\u4e00\x{1F600}"#, "A一😀", ["A一😀"]),
        (#"\w+"#, "é²_1 ·", ["é²_1"]),
        (#"[\w]+"#, "é²_1", ["é", "_1"]),
        (#"\W+"#, "a²·b", ["·"]),
        (#"\d+"#, "12٣½", ["12٣"]),
        (#"\s"#, "\u{A0}\u{3000}\u{200B}", ["\u{A0}", "\u{3000}"]),
    ])
    func `patterns match as in the reference engine`(regex: String, text: String, expected: [String]) throws {
        #expect(try matches(regex, text) == expected)
    }

    @Test(arguments: [
        "(", ")", "a)", "[a", "a{2,1}", "*a", "+", "?", #"\"#, "[b-a]", #"\p{L"#, #"\p"#, "(?", #"\x{110000}"#, "(?i",
    ])
    func `malformed patterns are refused`(regex: String) {
        #expect(throws: PatternError.self) { try Pattern(regex: regex) }
    }

    @Test(arguments: [
        "(?<=a)b", "(?<name>a)", #"(a)\1"#, "[a&&b]", "[[:alpha:]]", #"\p{Han}"#, #"\R"#, #"\X"#, #"\G"#, "(a*)*",
        "(?x:a)",
        "a{5000}", "[a-[b]]", "[a[^b]]", "(?:a|b*)+",
    ])
    func `unsupported constructs are refused, not misread`(regex: String) {
        #expect {
            try Pattern(regex: regex)
        } throws: { error in
            if case .unsupported? = error as? PatternError { true } else { false }
        }
    }

    @Test func `nesting and unfolding are bounded`() {
        let deep = String(repeating: "(", count: 100) + String(repeating: ")", count: 100)
        #expect(throws: PatternError.self) { try Pattern(regex: deep) }
        #expect(throws: PatternError.tooLarge(steps: 4097, limit: 4096)) {
            try Pattern(regex: "(?:(?:ab){100}){100}")
        }
    }

    @Test(arguments: [
        ("(?:a|a)*b", "a"), ("(?:a+)+b", "a"), ("(?:a|aa)+$b", "a"), (#"\s*x"#, " "), ("(?:a*?a)*?b", "a"),
        ("(?=(?:a|a)+c)a|b", "a"), (#"\s+$"#, " "), ("(?>(?:a|a)+)b", "a"),
    ])
    func `hostile patterns end in time on hostile text`(regex: String, unit: String) throws {
        let text = Array(String(repeating: unit, count: 300).utf8) + Array("!".utf8)
        let start = ContinuousClock.now
        var count = 0
        try Pattern(regex: regex).forEachMatch(in: text.span) { _, _ in count += 1 }
        #expect(count == 0)
        // Backtracking without memory would take longer than the universe has existed.
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test func `remembering dead ends changes no result`() throws {
        // The text is long enough that the matcher starts to remember, and the tail matches.
        let text = Array((String(repeating: "a", count: 400) + "b" + String(repeating: "a", count: 400) + "c").utf8)
        for regex in ["(?:a|a)*c", "(?:a+)+c", "(?:a|aa)+?c", "(?=(?:a|aa)+c)a+c"] {
            var found: [Range<Int>] = []
            try Pattern(regex: regex).forEachMatch(in: text.span) { found.append($0..<$1) }
            #expect(found == [401..<802], "\(regex)")
        }
    }
}
