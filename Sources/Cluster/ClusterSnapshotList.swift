/// The first of many, and how many more there are.
package struct ClusterSnapshotList<Item: Sendable & Equatable>: Sendable, Equatable {
    package var items: [Item]
    package private(set) var omittedCount: Int

    package init(_ items: [Item] = [], omittedCount: Int = 0) {
        precondition(omittedCount >= 0, "\(omittedCount) omitted")
        self.items = items
        self.omittedCount = omittedCount
    }

    package init(_ all: [Item], limit: Int) {
        self.init(all)
        self.limit(to: limit)
    }

    package var count: Int { items.count + omittedCount }

    /// Omits what stands behind the first `limit`.
    package mutating func limit(to limit: Int) {
        guard items.count > limit else { return }
        omittedCount += items.count - limit
        items.removeLast(items.count - limit)
    }
}
