internal import Cluster
internal import Core
internal import JSON
internal import Sampling

/// Times placement decisions of a cluster that is as full as it is busy: each of the measured submissions finds one of the
/// few places that ended requests have just left.
struct PlacementBench: Sendable {
    let runners: Int
    let policy: any PlacementPolicy
    let seed: UInt64
    var decisions = 100_000
    private static let batch = 32
    private static let adapters = 1000

    /// One JSON record: nanoseconds of `submit` to the placing action, and of `end`.
    func run() -> JSONValue {
        var scheduler = ClusterScheduler(ClusterConfiguration(policy: policy))
        var random = Draws(seed: seed)
        var actions: [ClusterAction] = []
        for number in 0..<runners { scheduler.join(description(number), at: .zero) }
        var placed: [UInt64] = []
        for number in 0..<runners * Self.batch * 9 / 10 {
            scheduler.submit(request(UInt64(number), &random), at: .zero)
            placed.append(UInt64(number))
        }
        var (submits, ends): ([Double], [Double]) = ([], [])
        for number in 0..<decisions {
            let position = Int(random.uniform() * Double(placed.count))
            let next = request(UInt64(runners * Self.batch + number), &random)
            actions.removeAll(keepingCapacity: true)
            scheduler.takeActions(into: &actions)
            ends.append(nanoseconds { scheduler.end(id(placed[position]), at: .seconds(1)) })
            submits.append(nanoseconds { scheduler.submit(next, at: .seconds(1)) })
            precondition(scheduler.waitingCount == 0, "there is room")
            placed[position] = next.id.request.rawValue
        }
        return record(submits.sorted(), ends.sorted())
    }

    private func record(_ submits: [Double], _ ends: [Double]) -> JSONValue {
        [
            "bench": "placement", "runners": .integer(runners), "policy": .string(policy.name),
            "samples": .integer(decisions), "unit": "ns",
            "median": .number(percentile(sorted: submits, 0.5)), "p95": .number(percentile(sorted: submits, 0.95)),
            "p99": .number(percentile(sorted: submits, 0.99)),
            "mean": .number((submits.reduce(0, +) / Double(decisions)).rounded()),
            "end_median": .number(percentile(sorted: ends, 0.5)), "end_p99": .number(percentile(sorted: ends, 0.99)),
        ]
    }

    private func nanoseconds(_ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        body()
        return (clock.now - start) / .nanoseconds(1)
    }

    private func id(_ number: UInt64) -> ClusterRequestID { ClusterRequestID(frontend: 1, request: RequestID(number)) }

    private func description(_ number: Int) -> RunnerDescription {
        RunnerDescription(
            id: RunnerID(UInt128(number)),
            maxBatch: Self.batch,
            blockCount: 7000,
            blockSize: 16,
            blockBytes: 8 << 20
        )
    }

    private func request(_ number: UInt64, _ random: inout Draws) -> PlacementRequest {
        let adapter = Trace.Adapter(number: Int(random.uniform() * Double(Self.adapters)), rank: 16)
        return PlacementRequest(
            id: id(number),
            adapter: adapter.digest,
            rank: adapter.rank,
            adapterBytes: 80_000_000,
            promptTokens: 1 + Int(random.uniform() * 500),
            maxTokens: 1024,
            arrival: .zero
        )
    }
}
