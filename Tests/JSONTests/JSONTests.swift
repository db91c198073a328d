import JSON
import TestSupport
import Testing

@Suite struct JSONParsing {
    private static let documents: [(String, JSONValue)] = [
        ("null", .null), ("[]", []), ("{}", [:]), (" [1, -2.5e1, true] ", [1, -25.0, true]),
        (#"{"b":1,"a":{"c":[]}}"#, ["b": 1, "a": ["c": []]]),
        (#""\u00e9\ud83d\ude00\n\/""#, "é😀\n/"), ("18446744073709551616", 18446744073709551616.0),
        ("-0", 0), ("\"\u{1F600}\"", "\u{1F600}"),
    ]

    @Test(arguments: documents)
    func `valid documents parse`(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == expected)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "01", "1.", ".5", "+1", "1e", "nul", "tru", "\"\\x\"", "\"a", "\"\n\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u12g4\"", "[1] 2", "1e999", "{a:1}", "{\"a\" 1}", "-", "NaN",
    ])
    func `malformed documents are refused`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func `invalid UTF-8 is refused, escaped or not`() {
        #expect(throws: JSONError.invalidString(reason: "invalid UTF-8", offset: 1)) {
            try JSONValue(parsing: [0x22, 0xFF, 0x22])
        }
        #expect(throws: JSONError.invalidString(reason: "invalid UTF-8", offset: 1)) {
            try JSONValue(parsing: [0x22, 0x5C, 0x6E, 0xC3, 0x22])
        }
    }

    @Test func `a duplicate key is refused unless allowed`() throws {
        #expect(throws: JSONError.duplicateKey("a", offset: 7)) { try JSONValue(parsing: #"{"a":1,"a":2}"#) }
        let lax = JSONLimits(allowsDuplicateKeys: true)
        #expect(try JSONValue(parsing: #"{"a":1,"a":2}"#, limits: lax) == ["a": 2])
    }

    @Test func `depth and size are bounded`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.depthExceeded(limit: 128, offset: 128)) { try JSONValue(parsing: deep) }
        #expect(throws: JSONError.tooLarge(bytes: 4, limit: 3)) {
            try JSONValue(parsing: "1234", limits: JSONLimits(maxBytes: 3))
        }
    }

    @Test func `large objects find their members by key`() throws {
        let text = "{" + (0..<100).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
        let value = try JSONValue(parsing: text)
        for index in 0..<100 { #expect(value["k\(index)"]?.int == index) }
        #expect(value["k100"] == nil)
        #expect(value.object?.keys.first == "k0")
    }

    @Test(arguments: [0, 20])
    func `keys that only look alike are different keys`(others: Int) throws {
        let filler = (0..<others).map { "\"k\($0)\":0," }.joined()
        let value = try JSONValue(parsing: "{\(filler)\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
    }

    @Test func `members can be replaced and removed`() {
        var object = JSONObject((0..<12).map { ("k\($0)", .integer($0)) })
        object["k3"] = nil
        object["k4"] = "four"
        #expect(object["k3"] == nil)
        #expect(object["k4"] == "four")
        #expect(object["k11"] == 11)
        #expect(object.count == 11)
    }

    @Test func `random documents survive a round trip`() throws {
        var generator = SplitMix(seed: 7)
        for _ in 0..<2_000 {
            let value = randomValue(&generator, depth: 4)
            #expect(try JSONValue(parsing: value.encoded()) == value)
        }
    }

    @Test func `mutated bytes never crash`() {
        var generator = SplitMix(seed: 11)
        for _ in 0..<5_000 {
            var bytes = randomValue(&generator, depth: 3).encodedBytes()
            for _ in 0..<3 where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = try? JSONValue(parsing: bytes)
        }
    }

    private func randomValue(_ generator: inout SplitMix, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(.random(in: -1000...1000, using: &generator))
        case 3: return .number(.random(in: -1e6...1e6, using: &generator) + 0.5e-7)
        case 4, 5:
            let alphabet: [Character] = ["a", "\"", "\\", "é", "\n", "\u{1}", "日", "😀", "/"]
            return .string(String((0..<5).map { _ in alphabet.randomElement(using: &generator) ?? "a" }))
        case 6: return .array((0..<3).map { _ in randomValue(&generator, depth: depth - 1) })
        default:
            return .object(JSONObject((0..<3).map { ("k\($0)", randomValue(&generator, depth: depth - 1)) }))
        }
    }
}
