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
        let chosen = try comparison.run(batch, [], on: &runner)
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
        var batch = copy batch
        for row in batch.tokens.indices where swaps {
            guard let number = batch.tokens[row].awaitedNumber, number < 2 else { continue }
            batch.tokens[row] = .awaited(1 - number)
        }
        echo.begin(batch, requests)
    }
}
