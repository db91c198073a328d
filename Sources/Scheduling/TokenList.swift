package import Core

/// All tokens of one sequence, prompt first, in memory that many readers can point into at once.
///
/// Belongs to the engine's thread. Pointers into it are valid until the next `append`.
package final class TokenList {
    private var storage: UnsafeMutableBufferPointer<TokenID>
    private var filled: Int

    package init(_ tokens: [TokenID]) {
        storage = .allocate(capacity: max(16, tokens.count + tokens.count / 4))
        _ = storage.initialize(from: tokens)
        filled = tokens.count
    }

    deinit { storage.deallocate() }

    package var count: Int { filled }

    package var buffer: UnsafeBufferPointer<TokenID> { UnsafeBufferPointer(rebasing: storage[0..<filled]) }

    package subscript(index: Int) -> TokenID {
        precondition(index < filled, "token \(index) of \(filled)")
        return storage[index]
    }

    package func append(_ token: TokenID) {
        if filled == storage.count { grow() }
        storage.initializeElement(at: filled, to: token)
        filled += 1
    }

    /// Puts a token in the place of one that stood for it while a step was yet to choose it.
    package func settle(_ token: TokenID, at index: Int) {
        precondition(index < filled, "token \(index) of \(filled)")
        storage[index] = token
    }

    private func grow() {
        let larger = UnsafeMutableBufferPointer<TokenID>.allocate(capacity: storage.count * 2)
        _ = larger.initialize(from: buffer)
        storage.deallocate()
        storage = larger
    }
}
