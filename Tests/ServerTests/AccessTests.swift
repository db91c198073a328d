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
        try rules().check(.api, [:], host: "127.0.0.1:8000")
        try rules().check(.open, [:], host: "127.0.0.1:8000")
    }

    @Test func `any of several keys opens the api`() throws {
        let rules = rules { $0.apiKeys = ["one", "two"] }
        try rules.check(.api, [.authorization: "Bearer one"], host: "127.0.0.1:8000")
        try rules.check(.api, [.authorization: "bearer two"], host: "127.0.0.1:8000")
        try rules.check(.open, [:], host: "127.0.0.1:8000")
        #expect(throws: ServerError.missingKey) { try rules.check(.api, [:], host: "127.0.0.1:8000") }
        #expect(throws: ServerError.missingKey) {
            try rules.check(.api, [.authorization: "Basic one"], host: "127.0.0.1:8000")
        }
        #expect(throws: ServerError.missingKey) {
            try rules.check(.api, [.authorization: "one"], host: "127.0.0.1:8000")
        }
        #expect(throws: ServerError.invalidKey) {
            try rules.check(.api, [.authorization: "Bearer three"], host: "127.0.0.1:8000")
        }
        #expect(throws: ServerError.missingKey) {
            try rules.check(.api, [.authorization: "Bearer "], host: "127.0.0.1:8000")
        }
    }

    @Test func `the admin key alone opens admin routes`() throws {
        let rules = rules {
            $0.adminKey = "root"
            $0.apiKeys = ["one"]
        }
        try rules.check(.admin, [.authorization: "Bearer root"], host: "127.0.0.1:8000")
        #expect(throws: ServerError.invalidKey) {
            try rules.check(.admin, [.authorization: "Bearer one"], host: "127.0.0.1:8000")
        }
        #expect(throws: ServerError.invalidKey) {
            try rules.check(.api, [.authorization: "Bearer root"], host: "127.0.0.1:8000")
        }
        #expect(throws: ServerError.missingKey) { try rules.check(.admin, [:], host: "127.0.0.1:8000") }
    }

    @Test func `without an admin key only local programs are let in`() throws {
        try rules().check(.admin, [:], host: "127.0.0.1:8000")
        try rules(host: "::1").check(.admin, [:], host: "127.0.0.1:8000")
        try rules(host: "localhost").check(.admin, [:], host: "127.0.0.1:8000")
        #expect(throws: ServerError.adminIsLocal) {
            try rules(host: "0.0.0.0").check(.admin, [:], host: "127.0.0.1:8000")
        }
        #expect(throws: ServerError.adminIsLocal) {
            try rules(host: "10.0.0.1").check(.admin, [:], host: "127.0.0.1:8000")
        }
        #expect(throws: ServerError.adminIsLocal) {
            try rules().check(.admin, [.origin: "http://evil.example"], host: "127.0.0.1:8000")
        }
    }

    @Test func `a page that points its own name here is no local program`() throws {
        for host in ["localhost:8000", "LOCALHOST", "127.0.0.1", "127.1.2.3:80", "[::1]:8000", "[::1]", nil] {
            try rules().check(.admin, [:], host: host)
        }
        for host in [
            "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.1", "::1", "",
        ] {
            #expect(throws: ServerError.adminIsLocal, "\(host)") { try rules().check(.admin, [:], host: host) }
        }
        for name in [HTTPField.Name.forwarded, .forwardedFor] {
            #expect(throws: ServerError.adminIsLocal) {
                try rules().check(.admin, [name: "203.0.113.9"], host: "127.0.0.1:8000")
            }
        }
        // With a key the name does not matter.
        let keyed = rules { $0.adminKey = "root" }
        try keyed.check(.admin, [.authorization: "Bearer root"], host: "punica.example")
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
