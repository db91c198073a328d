import Adapters
import Backends
import Core
import Models
import Sampling
import Synchronization

/// Computes a step only when it is to end, as late as a GPU could, and lets others begin before: whoever takes away
/// what a step needs while it is under way gets wrong tokens.
struct LateRunner<Base: ModelRunner & ~Copyable>: ModelRunner, ~Copyable {
    private struct Flight {
        var batch: Batch
        let requests: [Request]
    }

    private struct Request {
        let parameters: SamplingParameters
        let history: [TokenID]
        let promptCount: Int
        let banned: [TokenID]
    }

    private var base: Base
    private var flights: [Flight] = []
    private var last: [SampledToken?] = []

    private let log: StepLog
    /// The step, counted from 0, that chooses no tokens, as where all logits are NaN.
    private let barrenStep: Int?
    private var finishedCount = 0

    init(_ base: consuming Base, log: StepLog = StepLog(), barrenStep: Int? = nil) {
        self.base = base
        self.log = log
        self.barrenStep = barrenStep
    }

    var vocabularySize: Int { base.vocabularySize }
    var runsAhead: Bool { true }
    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint { base.footprint(of: adapter) }

    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot? {
        base.install(adapter, in: blocks)
    }

    mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool { try base.hasLanded(slot) }
    mutating func remove(_ slot: AdapterSlot) { base.remove(slot) }

    mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) {
        precondition(flights.count < 2, "a third step before the first has ended")
        let awaits = batch.tokens.contains { $0.awaitedNumber != nil }
        precondition(!awaits || flights.count == 1, "a token of no step that is running")
        var copies: [Request] = []
        for index in 0..<requests.count {
            let history = Array(requests[index].history)
            precondition(history.dropLast().allSatisfy { $0.awaitedNumber == nil }, "an old token is not known")
            copies.append(
                Request(
                    parameters: requests[index].parameters,
                    history: history,
                    promptCount: requests[index].promptCount,
                    banned: requests[index].banned
                )
            )
        }
        log.begin()
        flights.append(Flight(batch: copy batch, requests: copies))
    }

    /// The token that an awaited one stands for.
    private func resolve(_ token: TokenID) -> TokenID {
        token.awaitedNumber.map { last[$0]?.token ?? TokenID(0) } ?? token
    }

    mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError) {
        var flight = flights.removeFirst()
        for row in flight.batch.tokens.indices {
            flight.batch.tokens[row] = resolve(flight.batch.tokens[row])
        }
        // Histories stay where they are until the step has run.
        let histories = flight.requests.map { request in
            let room = UnsafeMutableBufferPointer<TokenID>.allocate(capacity: request.history.count)
            _ = room.initialize(from: request.history.map { resolve($0) })
            return room
        }
        defer { histories.forEach { $0.deallocate() } }
        let requests = zip(flight.requests, histories).map { request, history in
            SamplingRequest(
                parameters: request.parameters,
                history: UnsafeBufferPointer(history),
                promptCount: request.promptCount,
                banned: request.banned
            )
        }
        try base.run(flight.batch, requests, into: &outputs)
        if finishedCount == barrenStep { outputs = outputs.map { _ in nil } }
        last = outputs
        finishedCount += 1
        log.finish()
    }
}

/// How many steps of a runner were begun, and while how many others ran.
final class StepLog: Sendable {
    private let state = Mutex((begun: 0, ahead: 0, running: 0))

    var begun: Int { state.withLock { $0.begun } }
    /// Steps that began while another ran.
    var ahead: Int { state.withLock { $0.ahead } }

    func begin() {
        state.withLock {
            $0.begun += 1
            $0.ahead += $0.running > 0 ? 1 : 0
            $0.running += 1
        }
    }

    func finish() { state.withLock { $0.running -= 1 } }
}
