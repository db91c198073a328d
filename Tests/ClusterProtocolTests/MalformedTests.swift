import Cluster
import ClusterProtocol
import Core
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

/// Anybody may send anything: it is refused with the field's name, never trapped on.
@Suite struct MalformedTests {
    private func registration(_ change: (inout WireRegistration) -> Void) -> WireRunnerMessage {
        let message = RoundTripTests.runnerMessages[0].wire
        return .with {
            $0.registration = message.registration
            change(&$0.registration)
        }
    }

    private func refusal(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `a registration with a field out of bounds`() {
        let changes: [(String, (inout WireRegistration) -> Void)] = [
            ("'runner_id' is 3 bytes, but must be 16 bytes", { $0.runnerID = .init([1, 2, 3]) }),
            ("'max_batch' is 0, but must be 1 ... 65536", { $0.maxBatch = 0 }),
            ("'block_count' is 4294967295, but must be 1 ... 2147483647", { $0.blockCount = .max }),
            ("'block_size' is 0, but must be 1 ... 65536", { $0.blockSize = 0 }),
            ("'address' is 0 bytes, but must be 1 ... 255 bytes", { $0.address = "" }),
            (
                "'machine' is 300 bytes, but must be 0 ... 255 bytes",
                { $0.machine = String(repeating: "x", count: 300) }
            ),
        ]
        for (expected, change) in changes {
            #expect(refusal { _ = try RunnerMessage(registration(change)) } == expected)
        }
    }

    @Test func `a report with a number that is none`() {
        for seconds in [Double.nan, .infinity, -1] {
            let message = WireRunnerMessage.with { $0.report.stepSeconds = seconds }
            #expect(refusal { _ = try RunnerMessage(message) }?.hasPrefix("'step_seconds' is") == true)
        }
    }

    @Test func `an empty message`() {
        #expect(refusal { _ = try RunnerMessage(WireRunnerMessage()) } == "'message' is missing")
        #expect(refusal { _ = try RunnerOrder(WireRunnerOrder()) } == "'order' is missing")
        #expect(refusal { _ = try FrontendMessage(WireFrontendMessage()) } == "'message' is missing")
        #expect(refusal { _ = try FrontendOrder(WireFrontendOrder()) } == "'order' is missing")
        #expect(refusal { _ = try RemoteEvent(WireGenerateEvent()) } == "'event' is missing")
        #expect(refusal { _ = try ClusterProtocol.Operation(WireOperation()) } == "'operation' is missing")
        #expect(refusal { _ = try RemoteGeneration(WireGenerateRequest()) } == "'sampling' is missing")
    }

    @Test func `sampling parameters outside their ranges`() throws {
        let good = RemoteGeneration(
            id: ClusterRequestID(frontend: 1, request: RequestID(1)),
            runner: RoundTripTests.runner,
            prompt: [TokenID(1)],
            generated: [],
            adapter: nil,
            sampling: SamplingParameters(),
            stop: StopConditions(maxTokens: 1)
        ).wire
        let changes: [(String, (inout WireGenerateRequest) -> Void)] = [
            ("temperature", { $0.sampling.temperature = .nan }), ("temperature", { $0.sampling.temperature = 3 }),
            ("top_p", { $0.sampling.topP = 0 }), ("min_p", { $0.sampling.minP = -0.1 }),
            ("repetition_penalty", { $0.sampling.repetitionPenalty = 0 }),
            ("presence_penalty", { $0.sampling.presencePenalty = .infinity }),
            ("frequency_penalty", { $0.sampling.frequencyPenalty = -2.5 }),
            ("top_logprobs", { $0.sampling.topLogprobs = 21 }), ("max_tokens", { $0.stop.maxTokens = 0 }),
            ("logit_bias", { $0.sampling.logitBias = [.with { $0.bias = .nan }] }),
            ("generated", { $0.generated = [7] }), ("adapter", { $0.adapter = .init([1]) }),
            ("runner_id", { $0.runnerID = .init() }),
        ]
        #expect(refusal { _ = try RemoteGeneration(good) } == nil)
        for (field, change) in changes {
            var wire = good
            change(&wire)
            #expect(refusal { _ = try RemoteGeneration(wire) }?.hasPrefix("'\(field)' is") == true)
        }
    }

    @Test func `bytes by chance are refused or read, and nothing else`() {
        var generator = SplitMix(seed: 90)
        let seeds = RoundTripTests.runnerMessages.map { (try? $0.wire.serializedBytes() as [UInt8]) ?? [] }
        for _ in 0..<20_000 {
            var bytes = seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0...min(4, bytes.count), using: &generator))
            if let wire = try? WireRunnerMessage(serializedBytes: bytes) { _ = try? RunnerMessage(wire) }
            if let wire = try? WireFrontendMessage(serializedBytes: bytes) { _ = try? FrontendMessage(wire) }
            if let wire = try? WireGenerateRequest(serializedBytes: bytes) { _ = try? RemoteGeneration(wire) }
            if let wire = try? WireGenerateEvent(serializedBytes: bytes) { _ = try? RemoteEvent(wire) }
        }
    }
}
