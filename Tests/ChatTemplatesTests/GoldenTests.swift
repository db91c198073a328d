import Testing

@testable import ChatTemplates

struct GoldenTests {
    @Test(arguments: [("models.json", 100), ("cases.json", 400), ("fuzz.json", 350)])
    func `templates render byte for byte as jinja2 does`(file: String, leastCount: Int) throws {
        let golden = try GoldenFile.named(file)
        #expect(golden.cases.count >= leastCount)
        for example in golden.cases {
            let actual = example.render()
            #expect(
                example.expected.matches(actual),
                "\(example.name)\nexpected \(example.expected)\n but got \(actual)"
            )
        }
    }
}
