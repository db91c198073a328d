internal import Core

/// The place of a sequence in the tables of one engine; reused after the sequence ends.
package struct SequenceIndex: Identifier {
    package let rawValue: Int32
    @inlinable package init(_ rawValue: Int32) { self.rawValue = rawValue }

    package var offset: Int { Int(rawValue) }
}

/// A sequence's share of one step.
///
///     tokens   | computed ....... | count ....... | later ....... |
///              0             firstToken      firstToken + count   all known tokens
package struct ScheduledSequence: Sendable, Equatable {
    package let index: SequenceIndex
    package let firstToken: Int
    /// At least 1.
    package let count: Int
    /// Whether the last of these tokens is the last one known, so that the next can be chosen.
    package let wantsToken: Bool

    package init(index: SequenceIndex, firstToken: Int, count: Int, wantsToken: Bool) {
        self.index = index
        self.firstToken = firstToken
        self.count = count
        self.wantsToken = wantsToken
    }

    /// How many of these tokens lie at positions below `bound`.
    package func tokenCount(below bound: Int) -> Int { max(0, min(firstToken + count, bound) - firstToken) }
}

/// One decision of the scheduler: what the next forward pass computes.
package struct Step: Sendable, Equatable {
    package internal(set) var sequences: [ScheduledSequence] = []
    /// Sequences that lost their blocks for this step; they wait again.
    package internal(set) var preempted: [SequenceIndex] = []

    package init() {}

    package var tokenCount: Int { sequences.reduce(0) { $0 + $1.count } }

    mutating func removeAll() {
        sequences.removeAll(keepingCapacity: true)
        preempted.removeAll(keepingCapacity: true)
    }
}
