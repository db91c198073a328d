/// How large and how deep a value is.
///
/// Bounds the time and the stack of everything that walks over values; a list may
/// hold the same list twice, so that a few steps could otherwise make a value nobody ever finishes comparing.
struct Extent: Sendable, Equatable {
    /// How deep lists, tuples and dictionaries may nest.
    static let maxDepth = 100
    /// How many elements a value may have, nested ones counted as often as they occur.
    ///
    /// `scalarsPerStep` code points
    /// of text count as one.
    static let maxWeight = 1 << 22

    static let one = Extent(depth: 0, weight: 1)

    var depth: Int
    var weight: Int

    init(depth: Int, weight: Int) {
        self.depth = depth
        self.weight = weight
    }

    init(of text: Text) {
        self.init(depth: 0, weight: 1 + text.count / RenderLimits.scalarsPerStep)
    }

    /// Adds an element.
    mutating func contain(_ element: Extent) throws(Fault) {
        depth = max(depth, element.depth + 1)
        weight += element.weight
        guard depth <= Self.maxDepth else { throw .depthExceeded(limit: Self.maxDepth) }
        guard weight <= Self.maxWeight else {
            throw .outputTooLarge(limit: Self.maxWeight * RenderLimits.scalarsPerStep)
        }
    }
}
