package import Adapters
package import Backends
package import Core
package import Sampling

/// A model without weights: the next token is the last one plus one. Drives engines and servers at no cost.
package struct EchoRunner: ModelRunner, ~Copyable {
    package let vocabularySize: Int
    private var slotCount: Int32 = 0

    package init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

    package func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { .none }

    package mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        slotCount += 1
        return AdapterSlot(slotCount - 1)
    }

    package mutating func hasLanded(_ slot: AdapterSlot) -> Bool { true }

    package mutating func remove(_ slot: AdapterSlot) {}

    package mutating func run(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?]
    ) throws(BackendError) {
        outputs.removeAll(keepingCapacity: true)
        for index in 0..<batch.logitRows.count {
            let last = batch.tokens[Int(batch.logitRows[index])]
            let next = TokenID((last.rawValue + 1) % Int32(vocabularySize))
            outputs.append(SampledToken(token: next, logprob: nil, top: []))
        }
    }
}
