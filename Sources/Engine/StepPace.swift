/// When to plan the step after the one that runs: as late as the device allows, so that what arrives meanwhile is in
/// it.
///
/// A step is expected to take as long as the last one of its kind, or less if it has fewer rows. How long before its
/// end to plan is learned: more each time that the next step came too late, a little less each time that it did not.
struct StepPace {
    private static let lead: ClosedRange<Duration> = .microseconds(300) ... .milliseconds(3)

    /// From planning a step to the expected end of the one before it.
    private(set) var lead = Duration.milliseconds(1)
    private var decode = Pace()
    private var prefill = Pace()
    private var lastEnd: ContinuousClock.Instant?
    private var hasWaited = false

    private struct Pace {
        var rowCount = 0
        var duration = Duration.zero

        /// Nothing before the first step of the kind.
        func expected(rowCount rows: Int) -> Duration {
            rows >= rowCount ? duration : duration * rows / rowCount
        }
    }

    /// When the step that runs leaves just enough time to plan the next.
    func planningTime(for flight: Flights.Flight) -> ContinuousClock.Instant {
        let expected = (flight.isDecode ? decode : prefill).expected(rowCount: flight.rowCount)
        return start(of: flight) + expected - lead
    }

    /// Whether the next step waits for its `planningTime`, and is not planned at once.
    mutating func noteWait(_ waits: Bool) { hasWaited = waits }

    /// - Parameter isLate: whether a step was given to the device when the one before it had ended.
    mutating func noteBegin(isLate: Bool) {
        guard hasWaited else { return }
        lead = isLate ? lead + lead / 2 : lead - lead / 64
        lead = min(max(lead, Self.lead.lowerBound), Self.lead.upperBound)
    }

    /// - Parameter isExact: false where the step may have ended some time before. It took no longer than it seems then,
    ///   which is news where more was expected.
    mutating func noteEnd(of flight: Flights.Flight, at end: ContinuousClock.Instant, isExact: Bool) {
        let pace = Pace(rowCount: flight.rowCount, duration: end - start(of: flight))
        let known = flight.isDecode ? decode : prefill
        lastEnd = end
        guard isExact || pace.duration < known.expected(rowCount: flight.rowCount) else { return }
        if flight.isDecode { decode = pace } else { prefill = pace }
    }

    /// On the device, where a step begun ahead waits for the one before it.
    private func start(of flight: Flights.Flight) -> ContinuousClock.Instant {
        lastEnd.map { max($0, flight.begin) } ?? flight.begin
    }
}
