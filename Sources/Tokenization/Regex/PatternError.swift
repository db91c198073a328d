/// Why a pattern cannot be used.
///
/// Offsets count Unicode scalars from the pattern's start.
package enum PatternError: Error, Equatable, CustomStringConvertible {
    case malformed(reason: String, offset: Int)
    case tooLarge(steps: Int, limit: Int)
    case unsupported(construct: String, offset: Int)

    package var description: String {
        switch self {
        case .malformed(let reason, let offset): "\(reason) at character \(offset)"
        case .tooLarge(let steps, let limit): "it unfolds into \(steps) steps, at most \(limit) are supported"
        case .unsupported(let construct, let offset): "\(construct) at character \(offset) is not supported"
        }
    }
}
