internal import Backends
internal import Core
internal import Paging
internal import Scheduling

/// Lays a step out as a batch: sequences of one adapter side by side, so that each adapter is one segment.
struct BatchBuilder: ~Copyable {
    private(set) var batch = Batch()
    /// One for each wanted row, in the order of `batch.logitRows`.
    private(set) var requests: [SamplingRequest] = []
    /// The step's sequences in the order of the batch.
    private(set) var order: [ScheduledSequence] = []
    /// Slots in order of first use, and for each the first and the next sequences; chained through `next`.
    private var slots: [AdapterSlot?] = []
    private var chains: [(first: Int, last: Int)] = []
    private var next: [Int] = []
    /// Where a slot stands in `slots`, by slot number plus one; -1 where it does not. Position 0 is the base.
    private var positions: [Int] = []

    mutating func build(_ step: borrowing Step, scheduler: borrowing Scheduler, sequences: borrowing [EngineSequence?])
    {
        batch.removeAll()
        requests.removeAll(keepingCapacity: true)
        group(step, sequences)
        for scheduled in order {
            guard let sequence = sequences[scheduled.index.offset] else { preconditionFailure("no such sequence") }
            appendRows(scheduled, scheduler[scheduled.index], scheduler.cache, slot: sequence.slot)
            guard scheduled.wantsToken else { continue }
            requests.append(
                SamplingRequest(
                    parameters: sequence.sampling,
                    history: sequence.tokens.buffer,
                    promptCount: sequence.promptCount,
                    banned: sequence.banned
                )
            )
        }
    }

    /// Hands out the order of the batch built last, for memory to put the next one's in.
    mutating func exchangeOrder(_ other: inout [ScheduledSequence]) { swap(&order, &other) }

    /// Fills `order` with the step's sequences, those of one slot side by side; linear in their number.
    private mutating func group(_ step: borrowing Step, _ sequences: borrowing [EngineSequence?]) {
        order.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
        for (number, scheduled) in step.sequences.enumerated() {
            next.append(-1)
            let slot = sequences[scheduled.index.offset]?.slot
            let key = slot.map { Int($0.rawValue) + 1 } ?? 0
            while positions.count <= key { positions.append(-1) }
            if positions[key] < 0 {
                positions[key] = slots.count
                slots.append(slot)
                chains.append((number, number))
            } else {
                next[chains[positions[key]].last] = number
                chains[positions[key]].last = number
            }
        }
        for (slot, chain) in zip(slots, chains) {
            positions[slot.map { Int($0.rawValue) + 1 } ?? 0] = -1
            var number = chain.first
            while number >= 0 {
                order.append(step.sequences[number])
                number = next[number]
            }
        }
        slots.removeAll(keepingCapacity: true)
        chains.removeAll(keepingCapacity: true)
    }

    private mutating func appendRows(
        _ scheduled: ScheduledSequence,
        _ state: SequenceState,
        _ cache: borrowing KVCache,
        slot: AdapterSlot?
    ) {
        let blocks = state.blocks
        let end = scheduled.firstToken + scheduled.count
        let tokens = state.tokens.buffer
        for position in scheduled.firstToken..<end {
            batch.tokens.append(tokens[position])
            batch.positions.append(Int32(position))
            batch.kvPositions.append(cache.kvPosition(of: position, in: blocks))
        }
        let used = cache.blockCount(forTokens: end)
        blocks.withUnsafeBufferPointer { blocks in
            // An id is laid out as the one number that it wraps, so that all can be copied as they lie.
            blocks[0..<used].withMemoryRebound(to: Int32.self) { batch.pageIndices.append(contentsOf: $0) }
        }
        batch.closeSequence(slot: slot, wantsToken: scheduled.wantsToken)
    }
}
