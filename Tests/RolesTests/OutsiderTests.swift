import Cluster
import ClusterProtocol
import Core
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import SwiftProtobuf
import Testing

@testable import Roles

/// Who does not belong is refused, and disturbs nobody.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OutsiderTests {
    private func registration(_ id: UInt128, incarnation: UInt64, model: String = "bytes") -> RunnerMessage {
        .registration(
            RunnerRegistration(
                description: RunnerDescription(id: RunnerID(id), maxBatch: 8, blockCount: 100, blockSize: 16),
                incarnation: incarnation,
                address: "127.0.0.1:1",
                model: model
            )
        )
    }

    /// Sends messages as a runner does; the error that comes back, nil if an order comes.
    private func attach(_ messages: [WireRunnerMessage], to address: NetworkAddress) async throws -> RPCError? {
        let connection = try ClusterConnection(to: address, server: .scheduler, security: .open)
        defer { connection.close() }
        let request = StreamingClientRequest<WireRunnerMessage> { writer in
            for message in messages { try await writer.write(message) }
            try await Task.sleep(for: .seconds(10))
        }
        do {
            return try await WireScheduler.Client(wrapping: connection.client).attach(request: request) {
                for try await _ in $0.messages { return nil }
                return nil
            }
        } catch let error as RPCError {
            return error
        }
    }

    @Test func `a second registration of a living runner, and an old one sent again, are refused`() async throws {
        let cluster = try await TestCluster()
        let source = SteadySource(pace: .milliseconds(5))
        let runner = try await cluster.startRunner(source, id: 5)
        async let answer = cluster.answer(cluster.request(seed: 1, maxTokens: 300))
        #expect(try await eventually { source.openCount == 1 })
        let second = try await attach([registration(5, incarnation: .max).wire], to: cluster.address)
        #expect(second?.code == .alreadyExists)
        #expect(second?.message.hasSuffix("is connected already") == true)
        #expect(try await answer == .undisturbed(seed: 1, count: 300))
        #expect(source.submittedCount == 1)
        await runner.end()
        // Now it has gone, but what it said when it came is no way in.
        let replayed = try await attach([registration(5, incarnation: 1).wire], to: cluster.address)
        #expect(replayed?.code == .alreadyExists)
        #expect(replayed?.message.hasPrefix("registration 1 of runner") == true)
        await cluster.end()
    }

    @Test func `messages that make no sense are refused, and the cluster goes on`() async throws {
        let cluster = try await TestCluster()
        let runner = try await cluster.startRunner(SteadySource(), id: 5)
        let report = RunnerMessage.report(RunnerReport(freeBlocks: 1, running: 0), isDraining: false).wire
        for messages in [
            [WireRunnerMessage()], [report],
            [registration(6, incarnation: 1).wire, registration(6, incarnation: 2).wire],
            [registration(7, incarnation: 1).wire, WireRunnerMessage.with { $0.report.stepSeconds = .nan }],
        ] {
            _ = try await attach(messages, to: cluster.address)
        }
        #expect(try await attach([WireRunnerMessage()], to: cluster.address)?.code == .invalidArgument)
        #expect(try await attach([report], to: cluster.address)?.code == .invalidArgument)
        #expect(try await cluster.answer(cluster.request(seed: 2)) == .undisturbed(seed: 2, count: 50))
        await runner.end()
        await cluster.end()
    }

    @Test func `a runner of another model is refused`() async throws {
        let cluster = try await TestCluster()
        let runner = try await cluster.startRunner(SteadySource(), id: 5)
        #expect(try await eventually { try await cluster.operate(.drain(RunnerID(4))).hasPrefix("there is no") })
        let error = try await attach([registration(6, incarnation: 1, model: "words").wire], to: cluster.address)
        #expect(error?.code == .failedPrecondition)
        await runner.end()
        await cluster.end()
    }

    @Test func `without TLS only loopback is served`() throws {
        let open = NetworkAddress(host: "0.0.0.0", port: 80)
        #expect(throws: RoleError.addressNeedsTLS(address: "0.0.0.0:80")) {
            try ClusterSecurity.open.check(listeningOn: open, isInsecureAllowed: false)
        }
        try ClusterSecurity.open.check(listeningOn: open, isInsecureAllowed: true)
        for host in ["127.0.0.1", "::1", "localhost", "127.9.9.9"] {
            try ClusterSecurity.open.check(
                listeningOn: NetworkAddress(host: host, port: 80),
                isInsecureAllowed: false
            )
        }
    }
}

/// Texts of addresses and roles.
@Suite struct NameTests {
    @Test(arguments: [
        ("127.0.0.1:80", NetworkAddress(host: "127.0.0.1", port: 80)),
        ("[::1]:0", NetworkAddress(host: "::1", port: 0)),
        ("node-7.local:65535", NetworkAddress(host: "node-7.local", port: 65535)),
    ])
    func `an address is read as it is written`(_ text: String, _ address: NetworkAddress) throws {
        #expect(try NetworkAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: ["", "host", ":80", "host:", "host:65536", "host:-1", "::1:80", "host:80x"])
    func `what is no address is refused`(_ text: String) {
        #expect(throws: RoleError.self) { try NetworkAddress(text) }
    }

    @Test func `roles are read as they are written, and nothing else is`() {
        let roles: [PeerRole] = [.scheduler, .runner(RunnerID(77)), .frontend("web-1"), .operatorNamed("ann")]
        for role in roles { #expect(PeerRole(uri: role.description) == role) }
        for uri in [
            "", "punica://", "punica://scheduler/", "punica://scheduler/x", "punica://runner", "punica://runner/7",
            "punica://frontend/", "punica://frontend/a/b", "https://scheduler", "punica://other/x",
        ] {
            #expect(PeerRole(uri: uri) == nil)
        }
    }

    @Test func `waits between attempts grow to a bound`() {
        var backoff = Backoff(first: .milliseconds(100), most: .milliseconds(400))
        #expect(
            (0..<4).map { _ in backoff.delay(random: 0.999999) / .milliseconds(1) }.map { Int($0.rounded()) } == [
                100, 200, 400, 400,
            ]
        )
        backoff.reset()
        #expect(backoff.delay(random: 0) == .milliseconds(50))
    }
}
