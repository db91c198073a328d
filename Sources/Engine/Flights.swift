internal import Scheduling

/// Steps that were begun and have not ended, oldest first: two at most.
struct Flights: ~Copyable {
    struct Flight {
        /// The step's sequences in the order of its batch.
        var order: [ScheduledSequence] = []
        /// Rows of its batch.
        var rowCount = 0
        var isDecode = false
        /// When it was given to the device.
        var begin = ContinuousClock.now
    }

    private var places = [Flight(), Flight()]
    private var begun = 0
    private var ended = 0

    var isEmpty: Bool { begun == ended }
    var isFull: Bool { begun - ended == places.count }

    var oldest: Flight { places[ended % places.count] }
    var newest: Flight { places[(begun + places.count - 1) % places.count] }

    /// Adds a step, whose order `fill` writes over that of an earlier one.
    mutating func append(
        rowCount: Int,
        isDecode: Bool,
        begin: ContinuousClock.Instant,
        fill: (inout [ScheduledSequence]) -> Void
    ) {
        precondition(!isFull, "a third step before the first has ended")
        let place = begun % places.count
        (places[place].rowCount, places[place].isDecode, places[place].begin) = (rowCount, isDecode, begin)
        fill(&places[place].order)
        begun += 1
    }

    mutating func removeOldest() {
        precondition(!isEmpty, "no step is under way")
        ended += 1
    }

    mutating func removeAll() { ended = begun }
}
