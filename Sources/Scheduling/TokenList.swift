package import Core

/// All tokens of one sequence, prompt first, in memory that many readers can point into at once.
///
/// Belongs to the engine's thread. Pointers into it are valid until the next `append`.
package final class TokenList {
    private var storage: UnsafeMutableBufferPointer<TokenID>
    package private(set) var count: Int

    package init(_ tokens: [TokenID]) {
        storage = .allocate(capacity: max(16, tokens.count + tokens.count / 4))
        _ = storage.initialize(from: tokens)
        count = tokens.count
    }

    deinit { storage.deallocate() }

    package var buffer: UnsafeBufferPointer<TokenID> { UnsafeBufferPointer(rebasing: storage[0..<count]) }

    package subscript(index: Int) -> TokenID {
        precondition(index < count, "token \(index) of \(count)")
        return storage[index]
    }

    package func append(_ token: TokenID) {
        if count == storage.count { grow() }
        storage.initializeElement(at: count, to: token)
        count += 1
    }

    private func grow() {
        let larger = UnsafeMutableBufferPointer<TokenID>.allocate(capacity: storage.count * 2)
        _ = larger.initialize(from: buffer)
        storage.deallocate()
        storage = larger
    }
}
