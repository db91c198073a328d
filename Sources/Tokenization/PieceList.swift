/// A text cut into pieces; cutting moves no bytes.
struct PieceList {
    struct Piece {
        var start: Int
        var end: Int
        /// Whether the piece starts where the whole input starts.
        var isFirst: Bool
    }

    private(set) var bytes: [UInt8]
    private(set) var pieces: [Piece]

    /// One piece that is the whole text, or none where that is empty.
    init(_ bytes: [UInt8], isFirst: Bool) {
        self.bytes = bytes
        pieces = bytes.isEmpty ? [] : [Piece(start: 0, end: bytes.count, isFirst: isFirst)]
    }

    /// Cuts every piece at the matches of a pattern.
    ///
    /// - Parameter isInverted: whether what lies between matches counts as the match.
    mutating func split(by pattern: Pattern, _ behavior: SplitBehavior, isInverted: Bool) {
        var result: [Piece] = []
        result.reserveCapacity(pieces.count + bytes.count / 4)
        var segments: [SplitBehavior.Segment] = []
        for piece in pieces {
            segments.removeAll(keepingCapacity: true)
            let text = bytes.span.extracting(piece.start..<piece.end)
            var last = 0
            pattern.forEachMatch(in: text) { start, end in
                if last < start { segments.append(.init(start: last, end: start, isMatch: isInverted)) }
                segments.append(.init(start: start, end: end, isMatch: !isInverted))
                last = end
            }
            if last < text.count { segments.append(.init(start: last, end: text.count, isMatch: isInverted)) }
            behavior.apply(to: &segments)
            for segment in segments where segment.start < segment.end {
                let start = piece.start + segment.start
                let isFirst = piece.isFirst && segment.start == 0
                result.append(Piece(start: start, end: piece.start + segment.end, isFirst: isFirst))
            }
        }
        pieces = result
    }

    /// Rewrites every piece; `body` appends what a piece becomes.
    mutating func rewrite(_ body: (_ piece: Piece, _ text: Span<UInt8>, _ output: inout [UInt8]) -> Void) {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 2)
        for index in pieces.indices {
            let piece = pieces[index]
            let start = output.count
            body(piece, bytes.span.extracting(piece.start..<piece.end), &output)
            pieces[index] = Piece(start: start, end: output.count, isFirst: piece.isFirst)
        }
        bytes = output
    }
}
