import Adapters
import Backends
import Core
import Foundation
import Models
import Sampling
import Synchronization

/// What a `LoadingRunner` was asked to do, and what of it was wrong.
final class RunnerLog: Sendable {
    private let state = Mutex((installed: 0, ahead: 0, faults: [String]()))

    var installed: Int { state.withLock { $0.installed } }
    var faults: [String] { state.withLock { $0.faults } }
    /// Steps that began while another ran.
    var ahead: Int { state.withLock { $0.ahead } }
    func beginAhead() { state.withLock { $0.ahead += 1 } }
    func install() { state.withLock { $0.installed += 1 } }
    func fault(_ text: String) { state.withLock { $0.faults.append(text) } }
}

/// An echo whose adapters take blocks and arrive some questions after they were sent for; it notes every misuse.
struct LoadingRunner: ModelRunner, ~Copyable {
    let vocabularySize = 64
    let blocks: Int
    let isContiguous: Bool
    let delay: Int
    let failure: BackendError?
    let pause: Double
    let log: RunnerLog
    private var slots: [(blocks: [BlockID], questions: Int)?]
    private var echo: EchoRunner
    private var flights: [Batch] = []

    /// - Parameters:
    ///   - blocks: what each adapter takes.
    ///   - delay: how often to answer that an adapter is on its way.
    ///   - failure: what to answer instead that it has landed.
    ///   - pause: seconds that a step takes.
    ///   - runsAhead: whether a step begins while the one before it runs.
    init(
        blocks: Int,
        isContiguous: Bool = false,
        delay: Int,
        slots: Int,
        failure: BackendError? = nil,
        pause: Double = 0,
        runsAhead: Bool = false,
        log: RunnerLog
    ) {
        echo = EchoRunner(vocabularySize: 64, runsAhead: runsAhead)
        self.blocks = blocks
        self.isContiguous = isContiguous
        self.delay = delay
        self.failure = failure
        self.pause = pause
        self.log = log
        self.slots = Array(repeating: nil, count: slots)
    }

    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint {
        AdapterFootprint(blocks: blocks, mustBeContiguous: isContiguous)
    }

    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        guard let free = slots.firstIndex(where: { $0 == nil }) else { return nil }
        let taken = Set(slots.compactMap { $0?.blocks }.joined())
        if blocks.count != self.blocks { log.fault("\(blocks.count) blocks") }
        let isRun = zip(blocks, blocks.dropFirst()).allSatisfy { $0.rawValue + 1 == $1.rawValue }
        if isContiguous, !isRun { log.fault("a run of blocks has gaps") }
        if !taken.isDisjoint(with: blocks) { log.fault("a block holds two adapters") }
        slots[free] = (blocks, 0)
        log.install()
        return AdapterSlot(Int32(free))
    }

    mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool {
        let number = Int(slot.rawValue)
        slots[number]?.questions += 1
        let hasLanded = (slots[number]?.questions ?? 0) > delay
        if hasLanded, let failure { throw failure }
        return hasLanded
    }

    mutating func remove(_ slot: AdapterSlot) {
        let entry = slots[Int(slot.rawValue)]
        if (entry?.questions ?? 0) <= delay { log.fault("slot \(slot) was removed on its way") }
        slots[Int(slot.rawValue)] = nil
    }

    var runsAhead: Bool { echo.runsAhead }

    mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError) {
        if pause > 0 { Thread.sleep(forTimeInterval: pause) }
        check(flights.removeFirst())
        echo.finish(into: &outputs)
    }

    mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) {
        check(copy batch)
        if !flights.isEmpty { log.beginAhead() }
        flights.append(copy batch)
        echo.begin(batch, requests)
    }

    /// A step's adapters must be there and its keys not in their blocks, when it begins and until it ends.
    private func check(_ batch: Batch) {
        let adapters = Set(slots.compactMap { $0?.blocks }.joined())
        for index in 0..<batch.kvPositions.count where adapters.contains(BlockID(batch.kvPositions[index] / 4)) {
            log.fault("keys were written into an adapter")
        }
        for index in 0..<batch.segments.count {
            let slot = batch.segments[index].slot
            if (slots[Int(slot.rawValue)]?.questions ?? 0) <= delay { log.fault("slot \(slot) has not landed") }
        }
    }
}
