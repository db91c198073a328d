/// Counts by name that never shrink or vanish, whatever becomes of the names, and are few however many names there are.
///
/// The first names to be counted keep counts of their own for good; all others share one.
package struct NamedCounts: Sendable, Equatable {
    /// Names with counts of their own.
    package static let limit = 100
    /// What metrics call the others; counted with them if it is a name itself.
    package static let othersName = "other"

    package private(set) var named: [String: Int] = [:]
    package private(set) var others = 0

    package init() {}

    package mutating func add(_ name: String) {
        if named[name] != nil || (named.count < Self.limit && name != Self.othersName) {
            named[name, default: 0] += 1
        } else {
            others += 1
        }
    }
}
