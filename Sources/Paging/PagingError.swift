/// A KV cache that cannot be made.
///
/// Running out of blocks is not an error but a return value.
package enum PagingError: Error, Equatable, CustomStringConvertible {
    /// The number of blocks, or of tokens in one block, is below 1.
    case notPositive(field: String, value: Int)
    /// Positions in the cache must fit in 32 bits.
    case tooManyPositions(blockCount: Int, blockSize: Int, limit: Int)

    package var description: String {
        switch self {
        case .notPositive(let field, let value):
            "\(field) of the KV cache must be at least 1, got \(value)"
        case .tooManyPositions(let blockCount, let blockSize, let limit):
            "a KV cache of \(blockCount) blocks of \(blockSize) tokens exceeds the limit of \(limit) tokens"
        }
    }
}
