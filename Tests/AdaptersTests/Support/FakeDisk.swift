import Core
import Foundation
import Synchronization

@testable import Adapters

/// Directories whose content a test sets at will; counts reads and can hold them up.
final class FakeDisk: Sendable {
    struct State {
        /// What a read of a directory gives: a content's number, or nil for a failure.
        var contents: [String: Int] = [:]
        var reads = 0
        /// Every adapter ever made, to see what is still alive.
        var made: [WeakAdapter] = []
    }

    struct WeakAdapter { weak var adapter: LoadedAdapter? }

    let directory: TemporaryDirectory
    let state = Mutex(State())
    /// Reads wait while this is locked.
    let gate = NSLock()

    init(directoryCount: Int = 8) throws {
        directory = try TemporaryDirectory()
        for index in 0..<directoryCount {
            try FileManager.default.createDirectory(atPath: path(index), withIntermediateDirectories: true)
            self[index] = index
        }
    }

    func path(_ index: Int) -> String { directory.path + "/d\(index)" }

    /// The content of a directory.
    subscript(index: Int) -> Int? {
        get { state.withLock { $0.contents[path(index)] } }
        set { state.withLock { $0.contents[path(index)] = newValue } }
    }

    var reads: Int { state.withLock { $0.reads } }
    var aliveCount: Int { state.withLock { $0.made.count { $0.adapter != nil } } }

    static let failure = AdapterError.nothingTargeted(targets: "broken")

    func load(_ path: String) -> Result<LoadedAdapter, AdapterError> {
        gate.withLock {}
        return state.withLock { state in
            state.reads += 1
            guard let number = state.contents[path] else { return .failure(Self.failure) }
            let adapter = Self.adapter(number)
            state.made.append(WeakAdapter(adapter: adapter))
            return .success(adapter)
        }
    }

    static func digest(_ number: Int) -> AdapterDigest {
        AdapterDigest(bytes: (0..<32).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) })
    }

    /// Contents take 10, 20, 30 or 40 bytes.
    static func byteCount(_ number: Int) -> Int { 10 + number % 4 * 10 }

    static func adapter(_ number: Int) -> LoadedAdapter {
        LoadedAdapter(
            digest: digest(number),
            projections: [],
            byteCount: byteCount(number),
            summary: AdapterSummary(applied: [.init(kind: "q_proj", ranks: 2...2, count: 1)])
        )
    }

    func store(
        budget: Int,
        root: String? = nil,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws -> AdapterStore {
        try AdapterStore(budgetBytes: budget, root: root, now: now) { [self] in load($0) }
    }
}

/// A clock that a test moves.
final class TestClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: @Sendable () -> ContinuousClock.Instant { { [self] in instant.withLock { $0 } } }

    func advance(_ duration: Duration) { instant.withLock { $0 += duration } }
}
