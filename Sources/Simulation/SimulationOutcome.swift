/// The cluster at one moment.
struct SimulationSample: Sendable, Equatable {
    var seconds: Double
    /// Requests without a GPU.
    var waiting: Int
    /// Machines held, and those of them with requests.
    var held: Int
    var busy: Int
    /// The requests of every GPU.
    var batches: [UInt16]
}

/// What a simulation showed. Times are seconds, one for each request in no particular order.
struct SimulationOutcome: Sendable, Equatable {
    var requests = 0
    var outputTokens = 0
    /// Until the last request ended.
    var seconds = 0.0
    var firstToken: [Double] = []
    var latency: [Double] = []
    /// A request's mean time for each token after the first.
    var perToken: [Double] = []
    /// Between the last token before a move or preemption and the first after it.
    var gaps: [Double] = []
    var moves = 0
    var movedRequests = 0
    var mostMoves = 0
    var heldHours = 0.0
    var busyHours = 0.0
    var peakHeld = 0
    var samples: [SimulationSample] = []

    /// Adds a simulation that went on at the same time elsewhere; their samples are dropped.
    mutating func add(_ other: SimulationOutcome) {
        requests += other.requests
        outputTokens += other.outputTokens
        seconds = max(seconds, other.seconds)
        firstToken += other.firstToken
        latency += other.latency
        perToken += other.perToken
        gaps += other.gaps
        moves += other.moves
        movedRequests += other.movedRequests
        mostMoves = max(mostMoves, other.mostMoves)
        heldHours += other.heldHours
        busyHours += other.busyHours
        peakHeld += other.peakHeld
        samples = []
    }

    /// How full the GPUs are that have requests: over all samples with at least two busy GPUs, the least busy one of each
    /// left out, which is where load that is no multiple of the batch goes.
    ///
    /// - Returns: the mean batch, and the share of them that have at least nine tenths of `maxBatch`.
    func occupancy(maxBatch: Int) -> (meanBatch: Double, fullShare: Double) {
        var (count, sum, full) = (0, 0, 0)
        for sample in samples {
            for batch in sample.batches.filter({ $0 > 0 }).sorted().dropFirst() {
                count += 1
                sum += Int(batch)
                if Int(batch) * 10 >= maxBatch * 9 { full += 1 }
            }
        }
        guard count > 0 else { return (0, 0) }
        return (Double(sum) / Double(count), Double(full) / Double(count))
    }
}

/// The smallest value that at least `share` of the sorted values do not exceed; NaN if there are none.
func percentile(sorted values: [Double], _ share: Double) -> Double {
    guard !values.isEmpty else { return .nan }
    return values[min(max(Int((Double(values.count) * share).rounded(.up)) - 1, 0), values.count - 1)]
}
