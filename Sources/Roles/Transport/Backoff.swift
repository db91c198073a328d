/// How long to wait before the next attempt: longer each time, and not all processes at once.
struct Backoff {
    private let first: Duration
    private let most: Duration
    private var next: Duration

    init(first: Duration = .milliseconds(50), most: Duration = .seconds(1)) {
        self.first = first
        self.most = most
        next = first
    }

    /// - Parameter random: `0 ..< 1`; spreads the delay over its upper half.
    mutating func delay(random: Double = .random(in: 0..<1)) -> Duration {
        defer { next = min(most, next * 2) }
        return next * (0.5 + random / 2)
    }

    mutating func reset() { next = first }
}
