import Cluster
import ClusterProtocol
import Core
import Engine
import GRPCProtobuf
import SwiftProtobuf
import Testing

/// What one process says is what the other hears.
@Suite struct RoundTripTests {
    static let runner = RunnerID(0x0123_4567_89ab_cdef_0011_2233_4455_6677)
    static let digest = AdapterDigest(bytes: (0..<32).map { UInt8($0 * 7) })

    private func sent<M: SwiftProtobuf.Message>(_ message: M) throws -> M {
        try M(serializedBytes: try message.serializedBytes() as [UInt8])
    }

    static let runnerMessages: [RunnerMessage] = [
        .registration(
            RunnerRegistration(
                description: RunnerDescription(
                    id: runner,
                    maxBatch: 32,
                    blockCount: 1000,
                    blockSize: 16,
                    blockBytes: 4096,
                    machine: "gpu-7"
                ),
                incarnation: .max,
                address: "10.0.0.7:9000",
                model: "8 layers"
            )
        ),
        .report(
            RunnerReport(
                freeBlocks: 3,
                cachedBlocks: 4,
                running: 5,
                waiting: 6,
                residentAdapters: [digest],
                stepTime: .milliseconds(20),
                requests: [(ClusterRequestID(frontend: .max, request: RequestID(9)), 77)]
            ),
            isDraining: true
        ),
        .report(RunnerReport(freeBlocks: 0, running: 0), isDraining: false),
    ]

    @Test(arguments: runnerMessages)
    func `a runner's message`(_ message: RunnerMessage) throws {
        #expect(try RunnerMessage(sent(message.wire)) == message)
    }

    @Test(arguments: [RunnerOrder.alive, .drain, .stop])
    func `an order for a runner`(_ order: RunnerOrder) throws {
        #expect(try RunnerOrder(sent(order.wire)) == order)
    }

    static let query = PlacementQuery(
        request: RequestID(12),
        attempt: 3,
        adapter: digest,
        rank: 16,
        adapterBytes: 123_456,
        promptTokens: 100,
        generatedTokens: 7,
        maxTokens: 50,
        age: .milliseconds(1234),
        whereabouts: .lost(runner)
    )

    @Test(arguments: [
        FrontendMessage.hello(
            frontend: 5,
            requests: [
                query,
                PlacementQuery(
                    request: RequestID(1),
                    attempt: 1,
                    promptTokens: 1,
                    generatedTokens: 0,
                    maxTokens: 1,
                    whereabouts: .on(runner)
                ),
            ]
        ),
        .hello(frontend: .max, requests: []), .submit(query), .ended(RequestID(4)), .alive,
    ])
    func `a frontend's message`(_ message: FrontendMessage) throws {
        #expect(try FrontendMessage(sent(message.wire)) == message)
    }

    @Test(arguments: [
        FrontendOrder.place(RequestID(1), attempt: 2, on: runner, address: "[::1]:80"),
        .refuse(RequestID(3), attempt: 4), .snapshot([123, 125]),
    ])
    func `an order for a frontend`(_ order: FrontendOrder) throws {
        #expect(try FrontendOrder(sent(order.wire)) == order)
    }

    @Test func `a request to generate, with everything set`() throws {
        var sampling = SamplingParameters()
        sampling.temperature = 0.7
        sampling.topK = 40
        sampling.topP = 0.9
        sampling.minP = 0.05
        sampling.repetitionPenalty = 1.2
        sampling.presencePenalty = -1
        sampling.frequencyPenalty = 0.5
        sampling.logitBias = [LogitBias(token: TokenID(5), bias: -3)]
        sampling.seed = .max
        sampling.topLogprobs = 0
        let generation = RemoteGeneration(
            id: ClusterRequestID(frontend: 1, request: RequestID(2)),
            runner: Self.runner,
            prompt: [TokenID(1), TokenID(Int32.max)],
            generated: [TokenID(0)],
            adapter: Self.digest,
            sampling: sampling,
            stop: StopConditions(maxTokens: 9, tokenIDs: [TokenID(3)], minTokens: 2)
        )
        #expect(try RemoteGeneration(sent(generation.wire)) == generation)
        var base = generation
        base.adapter = nil
        base.sampling = SamplingParameters()
        #expect(try RemoteGeneration(sent(base.wire)) == base)
    }

    static let events: [RemoteEvent] = [
        .alive, .adapterUnavailable(reason: "gone"),
        .generation(
            .token(
                GeneratedToken(
                    index: 3,
                    id: TokenID(4),
                    logprob: -0.25,
                    top: [TokenLogprob(token: TokenID(4), logprob: -0.25)]
                )
            )
        ),
        .generation(.token(GeneratedToken(index: 0, id: TokenID(0)))),
        .generation(.finished(.stop(TokenID(7)))), .generation(.finished(.length)), .generation(.finished(.cancelled)),
        .generation(.failed(.backend("broken"))), .generation(.failed(.draining)), .generation(.failed(.emptyPrompt)),
        .generation(.failed(.noRoom(blocks: 5, limit: 4))), .generation(.failed(.promptTooLong(tokens: 5, limit: 4))),
        .generation(.failed(.queueFull(limit: 4))), .generation(.failed(.stopped)),
        .generation(.failed(.tokenOutOfRange(token: TokenID(-1), vocabularySize: 10))),
    ]

    @Test(arguments: events)
    func `an event of a request`(_ event: RemoteEvent) throws {
        #expect(try RemoteEvent(sent(event.wire)) == event)
    }

    @Test(arguments: [Operation.drain(runner), .moveAny, .status])
    func `an operation`(_ operation: ClusterProtocol.Operation) throws {
        #expect(try Operation(sent(operation.wire)) == operation)
    }
}
