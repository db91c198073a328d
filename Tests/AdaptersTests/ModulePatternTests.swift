import TestSupport
import Testing

@testable import Adapters

@Suite struct ModulePatternTests {
    static let path = "model.layers.11.self_attn.q_proj"

    // Each expectation is what Python's re.fullmatch gives.
    @Test(arguments: [
        (".*q_proj", true), ("q_proj", false), (".*", true), ("", false), (".*(q|k)_proj", true),
        (".*(?:k|v)_proj", false), (#".*\.11\..*"#, true), (#".*\.1\..*"#, false), (#"model\.layers\.\d+\..*"#, true),
        (#"model\.layers\.\d\..*"#, false), (#"model\.layers\.\d{2}\..*"#, true),
        (#"model\.layers\.\d{3,}\..*"#, false),
        (#"model\.layers\.\d{0,2}\..*"#, true), ("^model.*q_proj$", true), ("(?!.*visual).*q_proj", true),
        ("(?!.*attn).*q_proj", false), ("(?=.*attn).*", true), (#".*\bq_proj"#, true), (#".*\Bproj"#, true),
        (#".*\bproj"#, false), ("[a-z]+.*[a-z_]+", true), ("[^0-9]*", false), (#"[\w.]+"#, true), (#"[\w]+"#, false),
        (".*?q_proj", true), ("(?P<head>model).*", true), ("model.layers.1{2}.self_attn.q_proj", true),
        ("(model|layers|[.])+.*", true), ("((((model))))(.*)", true),
        (#"model\.layers\.[\d]{1,}\.self_attn\.q_proj"#, true),
        (#"\S+"#, true), (#"\s*model.*"#, true), ("a{,3}model.*", true), ("model{.*", false), ("[]a]*.*", true),
        ("(.*)*q_proj", true), ("(|model).*", true), ("x?model.*", true),
        ("(?:.*?(?:self_attn|mlp).*?(?:q_proj).*?)|x", true),
    ])
    func `a pattern matches as in Python`(pattern: String, isMatch: Bool) throws {
        #expect(try ModulePattern(pattern).matchesWhole(Self.path) == isMatch)
    }

    @Test(arguments: [
        "(", ")", "a)", "[a", "*a", "+", "?", "a**", "a*+", #"\"#, #"\1"#, #"(a)\1"#, "(?<=a)b", "(?<!a)b", "(?i)a",
        "(?P<a", "(?>a)", "a{2,1}", "a{99999}", "[z-a]", "^*", "[é]", String(repeating: "(", count: 500),
        String(repeating: "a", count: 20_000),
    ])
    func `a broken or foreign pattern is refused`(pattern: String) {
        #expect(throws: ModulePattern.Failure.self) { try ModulePattern(pattern) }
    }

    @Test(arguments: [
        "(.*)*(.*)*(.*)*(.*)*x", "((a?){1000}){1000}((a?){1000}){1000}x", "(((.?)*)*)*x", "(.|.|.|.)*(.|.|.)*x",
        "(?!(.*)*(.*)*(.*)*x).*",
    ])
    func `a pattern made to hang is an error soon`(pattern: String) throws {
        let clock = ContinuousClock()
        let compiled = try ModulePattern(pattern)
        let duration = clock.measure {
            #expect(throws: ModulePattern.Failure.self) { try compiled.matchesWhole(Self.path) }
        }
        #expect(duration < .seconds(5))
    }

    @Test func `matches share a budget, and the one that spends it fails`() throws {
        let pattern = try ModulePattern(".*z")
        var budget = ModulePattern.Budget(steps: 1_000)
        #expect(try !pattern.matchesWhole(Self.path))
        var count = 0
        let failure = #expect(throws: ModulePattern.Failure.self) {
            while count < 1_000 {
                _ = try pattern.matchesWhole(Self.path, &budget)
                count += 1
            }
        }
        #expect(failure?.pattern == ".*z")
        #expect(budget.steps == 0)
        // Each takes some two steps for a byte of the path.
        #expect((5..<100).contains(count))
    }

    @Test func `random patterns never crash`() {
        var generator = SplitMix(seed: 11)
        let pieces = [
            "a", ".", "*", "+", "?", "(", ")", "|", "[", "]", "{", "2", ",", "}", "^", "$", "\\", "-", "q_proj",
        ]
        var compiled = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...12, using: &generator)
            let text = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            guard let pattern = try? ModulePattern(text) else { continue }
            _ = try? pattern.matchesWhole(Self.path)
            compiled += 1
        }
        #expect(compiled > 1_000)
    }

    @Test func `pattern keys match a path from its start or after a dot and the first wins`() throws {
        let table = try PatternTable([
            ("proj", 1), ("11.self_attn.q_proj", 2), ("q_proj", 3), (#"layers\.\d+\.mlp\.(up|down)_proj"#, 4),
            ("^lm_head", 5), ("model.layers.0.mlp.gate_proj", 6),
        ])
        #expect(try table.value(for: Self.path) == 2)
        #expect(try table.value(for: "model.layers.1.self_attn.q_proj") == 3)
        #expect(try table.value(for: "model.layers.3.mlp.up_proj") == 4)
        #expect(try table.value(for: "model.layers.3.mlp.gate_proj") == nil)
        #expect(try table.value(for: "model.layers.0.mlp.gate_proj") == 6)
        #expect(try table.value(for: "lm_head") == 5)
    }
}
