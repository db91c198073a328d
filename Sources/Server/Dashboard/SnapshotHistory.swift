import Cluster
import JSON

/// The last ten minutes of a service, one sample a second, so that a page opened now shows what was.
struct SnapshotHistory: Sendable {
    struct Sample: Sendable, Equatable {
        struct Runner: Sendable, Equatable {
            let id: String
            let name: String
            let batch: Int
            let maxBatch: Int
        }

        let time: Double
        let queued: Int
        let running: Int
        let tokensPerSecond: Double
        let firstToken: Double?
        let interToken: Double?
        let runners: [Runner]
    }

    /// Samples kept, and seconds covered.
    static let limit = 600

    /// Oldest first.
    private(set) var samples: [Sample] = []

    /// Adds what a snapshot says; nothing if its time is not later than the last one's.
    ///
    /// What the scheduler said before it could no longer be reached is not what happens now, so it is not added either.
    mutating func add(_ snapshot: ClusterSnapshot) {
        guard snapshot.unreachableSince == nil else { return }
        // A clock put back begins anew; no sample may be younger than the one after it.
        if let last = samples.last, snapshot.time < last.time - 1 { samples = [] }
        if let last = samples.last, snapshot.time <= last.time { return }
        samples.removeFirst(max(0, samples.count - Self.limit + 1))
        samples.append(Sample(snapshot))
    }

    /// The samples younger than `time`, in columns; all if that is nil or younger than the youngest.
    ///
    ///     {"times": [1.0, 2.0], "queued": [0, 1], "running": …, "tokensPerSecond": …, "firstToken": [null, 0.1],
    ///      "interToken": …, "runners": [{"id": "…", "name": "…", "maxBatch": 8, "batches": [null, 3]}]}
    func json(after time: Double?) -> JSONValue {
        let shown = samples[firstIndex(after: time)...]
        return [
            "times": .array(shown.map { .number($0.time) }),
            "queued": .array(shown.map { .integer($0.queued) }),
            "running": .array(shown.map { .integer($0.running) }),
            "tokensPerSecond": .array(shown.map { .number($0.tokensPerSecond) }),
            "firstToken": .array(shown.map { $0.firstToken.map { .number($0) } ?? .null }),
            "interToken": .array(shown.map { $0.interToken.map { .number($0) } ?? .null }),
            "runners": .array(Self.columns(shown)),
        ]
    }

    private func firstIndex(after time: Double?) -> Int {
        guard let time, let last = samples.last, time <= last.time else { return 0 }
        return samples.firstIndex { $0.time > time } ?? samples.count
    }

    /// One column for each runner that any sample has; null where it was not there.
    private static func columns(_ samples: ArraySlice<Sample>) -> [JSONValue] {
        var order: [Sample.Runner] = []
        var places: [String: Int] = [:]
        var batches: [[JSONValue]] = []
        for (row, sample) in samples.enumerated() {
            for runner in sample.runners {
                let place = places[runner.id] ?? order.count
                if place == order.count {
                    places[runner.id] = place
                    order.append(runner)
                    batches.append(Array(repeating: .null, count: samples.count))
                }
                order[place] = runner
                batches[place][row] = .integer(runner.batch)
            }
        }
        return zip(order, batches).map { runner, batches in
            [
                "id": .string(runner.id),
                "name": .string(runner.name),
                "maxBatch": .integer(runner.maxBatch),
                "batches": .array(batches),
            ]
        }
    }
}

extension SnapshotHistory.Sample {
    fileprivate init(_ snapshot: ClusterSnapshot) {
        time = snapshot.time
        queued = snapshot.queued
        running = snapshot.running
        tokensPerSecond = snapshot.tokensPerSecond
        firstToken = snapshot.firstToken?.p95
        interToken = snapshot.interToken?.p95
        runners = snapshot.runners.items.map {
            Runner(id: $0.id, name: $0.name, batch: $0.batch, maxBatch: $0.maxBatch)
        }
    }
}
