import Adapters
import Core
import Foundation
import Synchronization

@testable import AdapterExchange

/// An origin whose answers a test sets, and which can be held up.
final class FakeOrigin: AdapterOrigin {
    struct State {
        /// The tensor file's bytes by digest; the configuration is always `{}`.
        var contents: [AdapterDigest: [UInt8]] = [:]
        var fetches: [AdapterDigest] = []
        /// Thrown once, after the first file was written.
        var failure: AdapterExchangeError?
        var gate: Gate?
    }

    let state = Mutex(State())

    var fetches: [AdapterDigest] { state.withLock { $0.fetches } }

    /// Offers an adapter of a size.
    func offer(_ digest: AdapterDigest, byteCount: Int) {
        state.withLock { $0.contents[digest] = [UInt8](repeating: 7, count: byteCount - 2) }
    }

    /// Offers a tensor file that says which adapter it is, for `ReadingStore`.
    func offer(_ digest: AdapterDigest, as content: AdapterDigest) {
        state.withLock { $0.contents[digest] = Array(content.hex.utf8) }
    }

    func fetch(_ digest: AdapterDigest, into directory: String) async throws(AdapterExchangeError) {
        let (bytes, failure, gate) = state.withLock { state in
            state.fetches.append(digest)
            defer { state.failure = nil }
            return (state.contents[digest], state.failure, state.gate)
        }
        await gate?.wait()
        guard let bytes else { throw .notFound(digest: digest, origin: "fake") }
        try write(.configuration, Array("{}".utf8), directory)
        if let failure { throw failure }
        try write(.tensors, bytes, directory)
    }

    private func write(_ file: AdapterFile, _ bytes: [UInt8], _ directory: String) throws(AdapterExchangeError) {
        let writer = try AdapterFileWriter(directory: directory, file: file, limit: .max)
        try bytes.span.withUnsafeBytes { (bytes) throws(AdapterExchangeError) in try writer.write(bytes) }
    }
}

/// Holds tasks up until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func wait() async {
        await withCheckedContinuation { waiter in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(waiter) }
                return state.isOpen
            }
            if isOpen { waiter.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

extension AdapterDigest {
    static func number(_ number: Int) -> AdapterDigest {
        AdapterDigest(bytes: (0..<32).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) })
    }
}

/// A store whose loads take the tensor file's text for the content's digest.
func readingStore(budgetBytes: Int = 1_000) throws -> AdapterStore {
    try AdapterStore(budgetBytes: budgetBytes, failureMemory: .zero) { directory in
        let path = directory + "/" + AdapterFile.tensors.rawValue
        let text = FileManager.default.contents(atPath: path).flatMap { String(data: $0, encoding: .utf8) }
        guard let digest = text.flatMap({ AdapterDigest(hex: $0) }) else {
            return .failure(.nothingTargeted(targets: text ?? "no file"))
        }
        return .success(.fake(digest, byteCount: 10))
    }
}
