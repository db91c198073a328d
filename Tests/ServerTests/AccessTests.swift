import HTTPTypes
import Testing

@testable import Server

struct AccessTests {
    @Test func `a key matches itself only`() {
        let key = AccessKey("secret")
        #expect(key.matches("secret"))
        for other in ["", "s", "secre", "secrets", "Secret", "secretsecret", "terces", "\0\0\0\0\0\0"] {
            #expect(!key.matches(other), "\(other)")
        }
        #expect(!AccessKey("").matches(""))
        #expect(!AccessKey("").matches("x"))
    }

    @Test func `without keys the api is open`() throws {
        try rules().check(.api, [:])
        try rules().check(.open, [:])
    }

    @Test func `any of several keys opens the api`() throws {
        let rules = rules { $0.apiKeys = ["one", "two"] }
        try rules.check(.api, [.authorization: "Bearer one"])
        try rules.check(.api, [.authorization: "bearer two"])
        try rules.check(.open, [:])
        #expect(throws: ServerError.missingKey) { try rules.check(.api, [:]) }
        #expect(throws: ServerError.missingKey) { try rules.check(.api, [.authorization: "Basic one"]) }
        #expect(throws: ServerError.missingKey) { try rules.check(.api, [.authorization: "one"]) }
        #expect(throws: ServerError.invalidKey) { try rules.check(.api, [.authorization: "Bearer three"]) }
        #expect(throws: ServerError.missingKey) { try rules.check(.api, [.authorization: "Bearer "]) }
    }

    @Test func `the admin key alone opens admin routes`() throws {
        let rules = rules {
            $0.adminKey = "root"
            $0.apiKeys = ["one"]
        }
        try rules.check(.admin, [.authorization: "Bearer root"])
        #expect(throws: ServerError.invalidKey) { try rules.check(.admin, [.authorization: "Bearer one"]) }
        #expect(throws: ServerError.invalidKey) { try rules.check(.api, [.authorization: "Bearer root"]) }
        #expect(throws: ServerError.missingKey) { try rules.check(.admin, [:]) }
    }

    @Test func `without an admin key only local programs are let in`() throws {
        try rules().check(.admin, [:])
        try rules(host: "::1").check(.admin, [:])
        try rules(host: "localhost").check(.admin, [:])
        #expect(throws: ServerError.adminIsLocal) { try rules(host: "0.0.0.0").check(.admin, [:]) }
        #expect(throws: ServerError.adminIsLocal) { try rules(host: "10.0.0.1").check(.admin, [:]) }
        #expect(throws: ServerError.adminIsLocal) { try rules().check(.admin, [.origin: "http://evil.example"]) }
    }

    private func rules(host: String = "127.0.0.1", _ change: (inout ServerConfiguration) -> Void = { _ in })
        -> AccessRules
    {
        var configuration = ServerConfiguration()
        configuration.address.host = host
        change(&configuration)
        return AccessRules(configuration, address: configuration.address)
    }
}
