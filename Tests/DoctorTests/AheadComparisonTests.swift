import Adapters
import Backends
import Core
import Models
import Sampling
import Testing

@testable import Doctor

@Suite struct AheadComparisons {
    /// Prompts of several lengths, of which one wants no token.
    private var batch: Batch {
        var batch = Batch()
        for (sequence, count) in [3, 1, 4, 1].enumerated() {
            for position in 0..<count {
                batch.tokens.append(TokenID(Int32(10 * sequence + position)))
                batch.positions.append(Int32(position))
                batch.kvPositions.append(Int32(8 * sequence + position))
            }
            batch.closeSequence(slot: nil, wantsToken: sequence != 2)
        }
        return batch
    }

    private func compare(on runner: consuming SwappingRunner) throws -> (AheadComparison, [SampledToken?]) {
        var runner = runner
        var comparison = AheadComparison()
        let history = [TokenID(90), TokenID(91)]
        let chosen = try history.withUnsafeBufferPointer { history in
            let request = SamplingRequest(
                parameters: SamplingParameters(),
                history: history,
                promptCount: 1,
                banned: []
            )
            return try comparison.run(batch, Array(repeating: request, count: 3), on: &runner)
        }
        // The step, the same again, the one ahead and the same later; every other history has the token twice.
        #expect(runner.histories[..<2].allSatisfy { $0.allSatisfy { $0 == [90, 91] } })
        #expect(runner.histories[2] == [[90, 91, -1], [90, 91, 11, -2], [90, 91, -3]])
        #expect(runner.histories[3] == [[90, 91, 3], [90, 91, 11, 11], [90, 91, 31]])
        return (comparison, chosen)
    }

    @Test func `tokens that come from the step before are those chosen there`() throws {
        let (comparison, chosen) = try compare(on: SwappingRunner(swaps: false))
        #expect(chosen.map(\.?.token.rawValue) == [3, 11, 31])
        #expect(comparison.compared == 3 && comparison.wrong == 0)
    }

    @Test func `a device that takes another row's token is wrong`() throws {
        let (comparison, chosen) = try compare(on: SwappingRunner(swaps: true))
        #expect(chosen.map(\.?.token.rawValue) == [3, 11, 31])
        #expect(comparison.wrong == 2)
    }
}

/// The echo, which may take the first wanted row's token for the second's and the other way round.
private struct SwappingRunner: ModelRunner, ~Copyable {
    let swaps: Bool
    /// Of each step's requests.
    private(set) var histories: [[[Int32]]] = []
    private var echo = EchoRunner(vocabularySize: 100, runsAhead: true)

    init(swaps: Bool) { self.swaps = swaps }

    var vocabularySize: Int { echo.vocabularySize }
    var runsAhead: Bool { true }
    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { .none }
    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? { nil }
    mutating func hasLanded(_ slot: AdapterSlot) -> Bool { true }
    mutating func remove(_ slot: AdapterSlot) {}
    mutating func finish(into outputs: inout [SampledToken?]) { echo.finish(into: &outputs) }

    mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) {
        histories.append((0..<requests.count).map { requests[$0].history.map(\.rawValue) })
        var batch = copy batch
        for row in batch.tokens.indices where swaps {
            guard let number = batch.tokens[row].awaitedNumber, number < 2 else { continue }
            batch.tokens[row] = .awaited(1 - number)
        }
        echo.begin(batch, requests)
    }
}
