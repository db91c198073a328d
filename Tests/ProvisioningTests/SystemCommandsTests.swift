import Testing

@testable import Provisioning

struct SystemCommandsTests {
    @Test func `a command reads its input and its output is returned`() async throws {
        #expect(try await SystemCommands().run(["cat"], input: "some text") == "some text")
    }

    @Test func `words reach the program as they are`() async throws {
        #expect(try await SystemCommands().run(["printf", "%s|", "a b", "$HOME", ""], input: "") == "a b|$HOME||")
    }

    @Test func `a failure tells the status and what was said`() async throws {
        let expected = PoolError.command(command: "sh -c echo no >&2; exit 3", status: "exited(3)", output: "no\n")
        await #expect(throws: expected) {
            _ = try await SystemCommands().run(["sh", "-c", "echo no >&2; exit 3"], input: "")
        }
    }

    @Test func `a program that is not there cannot be started`() async throws {
        await #expect { _ = try await SystemCommands().run(["punica-no-such-program"], input: "") } throws: { error in
            if case PoolError.cannotStart("punica-no-such-program", _) = error { true } else { false }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a command that does not end is given up`() async throws {
        await #expect(throws: PoolError.self) {
            _ = try await SystemCommands(timeout: .milliseconds(200)).run(["sleep", "3600"], input: "")
        }
    }
}
