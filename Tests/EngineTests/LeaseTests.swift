import Core
import Engine
import Foundation
import Synchronization
import Testing

@testable import Adapters

/// Who ends a request's hold on its adapter.
@Suite struct Leases {
    private final class Record: Sendable {
        let engineThread = Mutex<pthread_t?>(nil)
        let endThread = Mutex<pthread_t?>(nil)
    }

    private func request(_ record: Record, stop: StopConditions) throws -> GenerationRequest {
        let lease = AdapterLease(name: "a", adapter: try dummyContent(seed: 1)) {
            record.endThread.withLock { $0 = pthread_self() }
        }
        return GenerationRequest(
            id: RequestID(1),
            prompt: [TokenID(1)],
            adapter: lease,
            sampling: greedy(),
            stop: stop
        )
    }

    /// By its length, and by a stop id when the next step has begun with the sequence.
    @Test(
        arguments: [StopConditions(maxTokens: 3), StopConditions(maxTokens: 9, tokenIDs: [TokenID(4)])],
        [false, true]
    )
    func `a hold ends before the last event, but not on the thread that steps`(
        stop: StopConditions,
        runsAhead: Bool
    ) async throws {
        let record = Record()
        let sizes = EngineConfiguration(maxSequences: 2, maxSequenceLength: 32, blockSize: 4, blockCount: 8)
        let engine = try await EngineHandle.start(sizes) {
            record.engineThread.withLock { $0 = pthread_self() }
            // The step in vain outlasts the last event by far.
            return LoadingRunner(blocks: 1, delay: 0, slots: 1, pause: 0.1, runsAhead: runsAhead, log: RunnerLog())
        }
        let stream = try engine.submit(request(record, stop: stop))
        for await event in stream {
            guard case .finished = event else { continue }
            let ended = try #require(record.endThread.withLock { $0 })
            let stepping = try #require(record.engineThread.withLock { $0 })
            #expect(pthread_equal(ended, stepping) == 0)
        }
        await engine.stop()
    }
}
