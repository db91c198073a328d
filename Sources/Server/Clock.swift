import FoundationEssentials

/// The time of day, which only answers and metrics show; nothing is measured with it.
enum Clock {
    /// Whole seconds since 1970.
    static var seconds: Int { Int(now) }

    static var now: Double { Date().timeIntervalSince1970 }
}
