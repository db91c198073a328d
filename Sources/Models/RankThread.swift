internal import Adapters
internal import Backends
internal import Core
internal import Dispatch
internal import Synchronization

/// What the first rank asks of another.
enum RankOrder: Sendable {
    case install(LoadedAdapter, [BlockID])
    case hasLanded(AdapterSlot)
    case remove(AdapterSlot)
    /// Answered when the step is issued, and not when it has ended.
    case step(Batch)
    /// Answered at once, whatever the device does.
    case checkHealth
    /// Answered when all steps have ended.
    case finish
    case end
}

/// What the other answers.
enum RankAnswer: Sendable {
    case done
    case landed(Bool)
    case slot(AdapterSlot?)
    case failed(any Error)
}

/// A rank's own thread: takes one order at a time from the first rank's thread and answers it.
final class RankThread: Sendable {
    private struct Desk {
        var order: RankOrder?
        var answer: RankAnswer?
    }

    private let desk = Mutex(Desk())
    private let ordered = DispatchSemaphore(value: 0)
    private let answered = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Starts the thread; its first answer says whether the runner could be made.
    static func start<Device: Backend & SendableMetatype & ~Copyable>(
        _ make: @escaping @Sendable () throws -> LlamaRunner<Device>
    ) -> RankThread {
        let thread = RankThread()
        startThread {
            thread.work(make)
            // By now the runner is gone, and with it the device's memory.
            thread.ended.signal()
        }
        return thread
    }

    private func work<Device: Backend & ~Copyable>(_ make: () throws -> LlamaRunner<Device>) {
        do {
            var runner = try make()
            answer(.done)
            serve(&runner)
        } catch {
            answer(.failed(error))
        }
    }

    /// Waits until the thread's runner is gone, after it was told to end.
    ///
    /// - Parameter seconds: how long at most: a rank whose device is stuck never ends.
    func waitForEnd(atMost seconds: Double) { _ = ended.wait(timeout: .now() + seconds) }

    /// Gives the next order; the last one must have been answered, unless this is the end.
    func give(_ order: RankOrder) {
        desk.withLock { $0.order = order }
        ordered.signal()
    }

    /// Waits for the answer to the last order.
    func takeAnswer() -> RankAnswer {
        answered.wait()
        return desk.withLock { desk in
            defer { desk.answer = nil }
            guard let answer = desk.answer else { preconditionFailure("a signal without an answer") }
            return answer
        }
    }

    private func answer(_ answer: RankAnswer) {
        desk.withLock { $0.answer = answer }
        answered.signal()
    }

    private func takeOrder() -> RankOrder {
        ordered.wait()
        return desk.withLock { desk in
            // Taken, not copied: the first rank's batch must have one owner again before the answer.
            defer { desk.order = nil }
            guard let order = desk.order else { preconditionFailure("a signal without an order") }
            return order
        }
    }

    private func serve<Device: Backend & ~Copyable>(_ runner: inout LlamaRunner<Device>) {
        while let answer = obey(takeOrder(), &runner) { self.answer(answer) }
    }

    /// - Returns: nil at the end.
    private func obey<Device: Backend & ~Copyable>(
        _ order: consuming RankOrder,
        _ runner: inout LlamaRunner<Device>
    ) -> RankAnswer? {
        switch order {
        case .install(let adapter, let blocks): return .slot(runner.install(adapter, in: blocks))
        case .hasLanded(let slot):
            do throws(BackendError) {
                return .landed(try runner.hasLanded(slot))
            } catch {
                return .failed(error)
            }
        case .remove(let slot):
            runner.remove(slot)
            return .done
        case .step(let batch):
            do throws(BackendError) {
                try runner.issueLayers(batch)
                return .done
            } catch {
                return .failed(error)
            }
        case .checkHealth:
            do throws(BackendError) {
                try runner.checkHealth()
                return .done
            } catch {
                return .failed(error)
            }
        case .finish:
            do throws(BackendError) {
                try runner.finishLayers()
                return .done
            } catch {
                return .failed(error)
            }
        case .end: return nil
        }
    }
}
