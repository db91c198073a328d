import Core
import Dispatch
import Synchronization
package import Weights

/// Adapters in host memory within a byte budget, found by name, identified by content.
///
/// Names are aliases that move atomically. What is idle and worth least is evicted first (`EvictionPolicy`), stays
/// registered, and is read again when it is leased; what is pinned or leased is never evicted. Files are read on threads
/// of the store's own, so that neither an executor nor the step loop ever waits for a disk. Every method may be called
/// from any thread.
package final class AdapterStore: Sendable {
    /// Loads a directory; blocks.
    package typealias Load = @Sendable (_ directory: String) -> Result<LoadedAdapter, AdapterError>

    private let ledger: Mutex<AdapterLedger>
    private let directories: AdapterDirectories
    /// Names that no adapter may take, such as the base model's.
    private let reservedNames: Set<String>
    private let readers: ReaderThreads
    private let load: Load
    let now: @Sendable () -> ContinuousClock.Instant
    /// How long a failed load is answered from memory rather than tried again.
    let failureMemory: Duration

    /// - Parameters:
    ///   - base: nil for a store that only names adapters; see `AdapterLoader`.
    ///   - budgetBytes: the most bytes of adapters kept in memory.
    ///   - root: only directories inside it are accepted, links resolved; relative paths start there. Nil accepts all.
    ///   - readerCount: how many adapters may be read at the same time.
    ///   - reservedNames: names that no adapter may take, such as the base model's.
    package convenience init(
        model: ModelConfiguration,
        base: Checkpoint?,
        budgetBytes: Int,
        root: String? = nil,
        readerCount: Int = 2,
        reservedNames: Set<String> = []
    ) throws(AdapterError) {
        // Beside its own tensors a file may hold copies of the embedding and of the head, at most in float32.
        let copies = 2 * 4 * model.vocabularySize * model.hiddenSize + 64 << 20
        let (limit, overflow) = budgetBytes.addingReportingOverflow(copies)
        let loader = AdapterLoader(model: model, base: base, maxFileBytes: overflow ? .max : limit)
        try self.init(
            budgetBytes: budgetBytes,
            root: root,
            readerCount: readerCount,
            reservedNames: reservedNames
        ) { directory in
            Result { () throws(AdapterError) in try loader.load(directory: directory) }
        }
    }

    /// A store over any way to load, with its own clock; for tests.
    package init(
        budgetBytes: Int,
        root: String? = nil,
        readerCount: Int = 2,
        reservedNames: Set<String> = [],
        failureMemory: Duration = .seconds(5),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        load: @escaping Load
    ) throws(AdapterError) {
        precondition(budgetBytes >= 0, "a budget of \(budgetBytes) bytes")
        ledger = Mutex(AdapterLedger(budgetBytes: budgetBytes))
        directories = try AdapterDirectories(root: root)
        readers = ReaderThreads(count: readerCount)
        self.reservedNames = reservedNames
        self.load = load
        self.now = now
        self.failureMemory = failureMemory
    }

    /// Works on the books under the lock, then frees outside of it what was let go of.
    func withLedger<T: Sendable>(
        _ body: (inout AdapterLedger) throws(AdapterError) -> T
    ) throws(AdapterError) -> T {
        let (result, dropped) = ledger.withLock { ledger in
            let result = Result { () throws(AdapterError) in try body(&ledger) }
            defer { ledger.dropped = [] }
            return (result, ledger.dropped)
        }
        withExtendedLifetime(dropped) {}
        return try result.get()
    }

    /// The same for work that cannot fail.
    func withBooks<T: Sendable>(_ body: (inout AdapterLedger) -> T) -> T {
        let (result, dropped) = ledger.withLock { ledger in
            let result = body(&ledger)
            defer { ledger.dropped = [] }
            return (result, ledger.dropped)
        }
        withExtendedLifetime(dropped) {}
        return result
    }

    /// Reads a directory and makes a name an alias of its content.
    ///
    /// - Parameter pinned: never evicted while the name stays; fails if there is no room.
    package func register(
        name: String,
        directory: String,
        pinned: Bool = false,
        replacing: AdapterReplacement = .ifAbsent
    ) async throws(AdapterError) -> AdapterDescription {
        try AdapterNames.check(name)
        guard !reservedNames.contains(name) else {
            throw .invalidName(name: name, reason: "it is the base model's name")
        }
        let path = try directories.resolve(directory)
        // Asked now to spare a needless read, and again when the name is taken.
        try withLedger { (ledger) throws(AdapterError) in try ledger.checkName(name, replacing) }
        let (result, duration) = await read([path], expecting: nil)
        let adapter = try result.get()
        let alias = AdapterLedger.Alias(digest: adapter.digest, directory: path, isPinned: pinned)
        let (waiters, description) = try withLedger { (ledger) throws(AdapterError) in
            let waiters = try ledger.register(
                name: name,
                alias: alias,
                adapter: adapter,
                replacing: replacing,
                duration: duration
            )
            return (waiters, ledger.describe(name, alias))
        }
        for waiter in waiters { waiter.resume(returning: .success(adapter)) }
        return description
    }

    /// Registers each directory inside one that has an `adapter_config.json`, under its own name, sorted by name.
    ///
    /// - Returns: what became of each; one failure does not keep the others out.
    package func registerAll(
        in directory: String
    ) async throws(AdapterError) -> [(name: String, result: Result<AdapterDescription, AdapterError>)] {
        let path = try directories.resolve(directory)
        var outcomes: [(name: String, result: Result<AdapterDescription, AdapterError>)] = []
        for name in try AdapterDirectories.adapters(in: path) {
            do throws(AdapterError) {
                outcomes.append((name, .success(try await register(name: name, directory: path + "/" + name))))
            } catch {
                outcomes.append((name, .failure(error)))
            }
        }
        return outcomes
    }

    /// Removes a name at once.
    ///
    /// Leases go on; the content's bytes are freed with the last of them.
    package func unregister(name: String) throws(AdapterError) {
        try withLedger { (ledger) throws(AdapterError) in try ledger.unregister(name) }
    }

    /// Reads the first directory that has the expected content; the first failure if none has.
    func read(
        _ paths: [String],
        expecting digest: AdapterDigest?
    ) async -> (Result<LoadedAdapter, AdapterError>, Duration) {
        await readers.run { [load, directories] in
            let clock = ContinuousClock()
            let start = clock.now
            var first: AdapterError?
            for path in paths {
                do throws(AdapterError) {
                    let adapter = try load(try directories.resolve(path)).get()
                    guard digest == nil || adapter.digest == digest else {
                        throw .digestMismatch(path: path, expected: digest ?? adapter.digest, found: adapter.digest)
                    }
                    return (.success(adapter), start.duration(to: clock.now))
                } catch {
                    first = first ?? error
                }
            }
            guard let first else { preconditionFailure("nothing to read") }
            return (.failure(first), start.duration(to: clock.now))
        }
    }
}
