/// What becomes of the matches at which a text is cut.
enum SplitBehavior: String, CaseIterable, Sendable {
    case contiguous = "Contiguous"
    case isolated = "Isolated"
    case mergedWithNext = "MergedWithNext"
    case mergedWithPrevious = "MergedWithPrevious"
    case removed = "Removed"

    /// A match or the text between two, as offsets into a piece.
    struct Segment: Equatable {
        var start: Int
        var end: Int
        var isMatch: Bool
    }

    /// Joins or drops segments, which cover the piece in order.
    func apply(to segments: inout [Segment]) {
        switch self {
        case .isolated: break
        case .removed: segments.removeAll(where: \.isMatch)
        case .contiguous: merge(&segments) { $0.isMatch == $1.isMatch }
        case .mergedWithPrevious: merge(&segments) { !$0.isMatch && $1.isMatch }
        case .mergedWithNext: merge(&segments) { $0.isMatch && !$1.isMatch }
        }
    }

    /// Joins each segment to the one before where `joins(before, segment)`.
    private func merge(_ segments: inout [Segment], _ joins: (Segment, Segment) -> Bool) {
        var result: [Segment] = []
        var previous: Segment?
        for segment in segments {
            if let previous, joins(previous, segment) {
                result[result.count - 1].end = segment.end
            } else {
                result.append(segment)
            }
            previous = segment
        }
        segments = result
    }
}
