package import Adapters
package import Backends
package import Core
package import Sampling

/// A model without weights: the next token is the last one plus one. Drives engines and servers at no cost.
package struct EchoRunner: ModelRunner, ~Copyable {
    package let vocabularySize: Int
    package let runsAhead: Bool
    private var slotCount: Int32 = 0
    /// What steps have chosen that were begun in turn.
    private var turns: [[SampledToken?]] = [[], []]
    private var begunCount = 0
    private var finishedCount = 0

    package init(vocabularySize: Int, runsAhead: Bool = false) {
        self.vocabularySize = vocabularySize
        self.runsAhead = runsAhead
    }

    package func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { .none }

    package mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        slotCount += 1
        return AdapterSlot(slotCount - 1)
    }

    package mutating func hasLanded(_ slot: AdapterSlot) -> Bool { true }

    package mutating func remove(_ slot: AdapterSlot) {}

    package mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) {
        precondition(begunCount - finishedCount < (runsAhead ? 2 : 1), "a step begins before an earlier one has ended")
        let turn = begunCount % 2
        turns[turn].removeAll(keepingCapacity: true)
        for index in 0..<batch.logitRows.count {
            let last = resolve(batch.tokens[Int(batch.logitRows[index])])
            let next = TokenID((last.rawValue + 1) % Int32(vocabularySize))
            turns[turn].append(SampledToken(token: next, logprob: nil, top: []))
        }
        begunCount += 1
    }

    /// The token that an awaited one stands for.
    private func resolve(_ token: TokenID) -> TokenID {
        guard let number = token.awaitedNumber else { return token }
        precondition(begunCount - finishedCount == 1, "a token of no step that is running")
        return turns[finishedCount % 2][number]?.token ?? TokenID(0)
    }

    package mutating func finish(into outputs: inout [SampledToken?]) {
        precondition(begunCount > finishedCount, "no step was begun")
        swap(&outputs, &turns[finishedCount % 2])
        finishedCount += 1
    }
}
