internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Maps elements on as many threads as there are processors, and waits for all.
func mapInParallel<Element: Sendable, Value: Sendable>(
    _ elements: [Element],
    _ transform: @escaping @Sendable (Element) -> Value
) -> [Value] {
    let queue = WorkQueue(elements, transform)
    let threads = (1..<max(1, min(elements.count, processorCount()))).map { _ in Thread { queue.drain() } }
    queue.drain()
    for thread in threads { thread.join() }
    return queue.values
}

/// Elements that threads take one after the other.
private final class WorkQueue<Element: Sendable, Value: Sendable>: Sendable {
    private let elements: [Element]
    private let transform: @Sendable (Element) -> Value
    private let state: Mutex<(next: Int, values: [Value?])>

    init(_ elements: [Element], _ transform: @escaping @Sendable (Element) -> Value) {
        self.elements = elements
        self.transform = transform
        state = Mutex((0, [Value?](repeating: nil, count: elements.count)))
    }

    func drain() {
        while let index = take() {
            let value = transform(elements[index])
            state.withLock { $0.values[index] = value }
        }
    }

    /// In the order of the elements; complete once every thread has drained.
    var values: [Value] {
        state.withLock { $0.values.map { value in value ?? { preconditionFailure("an element was not mapped") }() } }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.next < elements.count else { return nil }
            state.next += 1
            return state.next - 1
        }
    }
}

/// A thread that is waited for.
private struct Thread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let identity: pthread_t

    init(_ run: @escaping @Sendable () -> Void) {
        let argument = Unmanaged.passRetained(Body(run)).toOpaque()
        #if canImport(Darwin)
            var identity: pthread_t?
        #else
            var identity = pthread_t()
        #endif
        let status = pthread_create(&identity, nil, { Thread.start($0) }, argument)
        precondition(status == 0, "cannot start a thread: error \(status)")
        #if canImport(Darwin)
            guard let identity else { preconditionFailure("pthread_create succeeded without a thread") }
        #endif
        self.identity = identity
    }

    func join() {
        let status = pthread_join(identity, nil)
        precondition(status == 0, "cannot wait for a thread: error \(status)")
    }

    private static func start(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        // Balances passRetained in `init`.
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
    }
}

private func processorCount() -> Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }
