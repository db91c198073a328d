/// Collects what a simulation shows.
struct SimulationMeter: Sendable {
    private let trace: Trace
    private let sampleInterval: Int
    private var firstToken: [Int]
    private var finish: [Int]
    private var moves: [UInt8]
    private var gaps: [Double] = []
    private var samples: [SimulationSample] = []
    /// Requests that have not ended.
    private(set) var openCount: Int

    init(_ trace: Trace, samples: Int) {
        self.trace = trace
        sampleInterval = max(1, trace.length / max(1, samples))
        openCount = trace.requests.count
        firstToken = Array(repeating: 0, count: openCount)
        finish = Array(repeating: 0, count: openCount)
        moves = Array(repeating: 0, count: openCount)
    }

    mutating func note(_ event: RunnerEvent, at now: Int) {
        switch event {
        case .firstToken(let request): firstToken[Int(request)] = now
        case .resumed(let gap): gaps.append(Double(gap) / 1e9)
        case .finished(let request):
            precondition(finish[Int(request)] == 0, "a request ends once")
            finish[Int(request)] = now
            openCount -= 1
        }
    }

    mutating func noteMove(_ request: Int32) { moves[Int(request)] += 1 }

    /// - Returns: when the next sample is due.
    mutating func sample(
        _ runners: [SimulatedRunner],
        _ machines: SimulatedMachines,
        waiting: Int,
        at now: Int
    ) -> Int {
        samples.append(
            SimulationSample(
                seconds: Double(now) / 1e9,
                waiting: waiting,
                held: machines.heldCount,
                busy: machines.busyCount,
                batches: runners.map { UInt16($0.load) }
            )
        )
        return (now / sampleInterval + 1) * sampleInterval
    }

    func outcome(_ machines: SimulatedMachines, at now: Int) -> SimulationOutcome {
        var outcome = SimulationOutcome()
        outcome.requests = trace.requests.count
        outcome.seconds = Double(now) / 1e9
        for (number, request) in trace.requests.enumerated() {
            outcome.outputTokens += Int(request.outputTokens)
            outcome.firstToken.append(Double(firstToken[number] - request.arrival) / 1e9)
            outcome.latency.append(Double(finish[number] - request.arrival) / 1e9)
            guard request.outputTokens > 1 else { continue }
            outcome.perToken.append(
                Double(finish[number] - firstToken[number]) / 1e9 / Double(request.outputTokens - 1)
            )
        }
        outcome.gaps = gaps
        outcome.moves = moves.reduce(0) { $0 + Int($1) }
        outcome.movedRequests = moves.count { $0 > 0 }
        outcome.mostMoves = Int(moves.max() ?? 0)
        (outcome.heldHours, outcome.busyHours) = machines.hours(at: now)
        outcome.peakHeld = machines.peakHeld
        outcome.samples = samples
        return outcome
    }
}
