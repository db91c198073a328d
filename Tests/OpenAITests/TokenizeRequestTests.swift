import Core
import OpenAI
import Testing

struct TokenizeRequestTests {
    @Test func `a prompt is tokenized with special tokens by default`() throws {
        let request = try TokenizeRequest(parsing: [UInt8](#"{"prompt":""}"#.utf8))
        #expect(request.subject == .prompt(""))
        #expect(request.addsSpecialTokens)
        #expect(!request.showsTokens)
    }

    @Test func `a conversation is tokenized without more special tokens`() throws {
        let body = #"{"model":"m","messages":[{"role":"user","content":"x"}],"return_token_strs":true}"#
        let request = try TokenizeRequest(parsing: [UInt8](body.utf8))
        guard case .chat = request.subject else {
            Issue.record("expected a conversation")
            return
        }
        #expect(!request.addsSpecialTokens)
        #expect(request.showsTokens)
    }

    @Test(arguments: ["{}", #"{"prompt":3}"#, #"{"prompt":null}"#, #"{"messages":[]}"#])
    func `neither is refused`(body: String) {
        #expect(throws: OpenAIError.self) { try TokenizeRequest(parsing: [UInt8](body.utf8)) }
    }

    @Test func `tokens are read back`() throws {
        #expect(try DetokenizeRequest(parsing: [UInt8](#"{"tokens":[1,2]}"#.utf8)).tokens == [TokenID(1), TokenID(2)])
        #expect(try DetokenizeRequest(parsing: [UInt8](#"{"tokens":[]}"#.utf8)).tokens == [])
    }

    @Test(arguments: [(#"{"tokens":[-1]}"#, "tokens[0]"), (#"{"tokens":"x"}"#, "tokens"), ("{}", "tokens")])
    func `what is no token is refused`(body: String, field: String) {
        let error = #expect(throws: OpenAIError.self) { try DetokenizeRequest(parsing: [UInt8](body.utf8)) }
        #expect(error?.parameter == field)
    }
}
