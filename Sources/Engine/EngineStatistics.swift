internal import Core

/// Counters and gauges of one engine; a copy taken between two steps.
package struct EngineStatistics: Sendable, Equatable {
    /// Why the device computes no more; nil while it does. Once set it stays.
    package var failure: String?
    package var waiting = 0
    package var running = 0
    /// Sequences of the last step.
    package var batchSize = 0
    /// Tokens of the last step.
    package var batchTokens = 0
    package var steps = 0
    /// Tokens of prompts computed, again after a preemption included; tokens of answers and cached ones are not.
    package var promptTokens = 0
    package var generatedTokens = 0
    package var preemptions = 0
    package var finished = FinishCounts()
    package var blockCount = 0
    package var freeBlocks = 0
    /// Blocks whose content may be used again but that nobody holds.
    package var cachedBlocks = 0
    /// Blocks that adapters on the device occupy, in use or idle.
    package var adapterBlocks = 0
    /// Adapters brought to the device, and taken off it for room.
    package var adapterLoads = 0
    package var adapterEvictions = 0
    package var prefixQueriedTokens = 0
    package var prefixHitTokens = 0
    /// Names of the adapters with running sequences, and of those that only wait; sorted.
    package var runningAdapters: [String] = []
    package var waitingAdapters: [String] = []
    package var stepSeconds = Histogram(bounds: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5])
    /// The part of `stepSeconds` in which the device was neither given work nor waited for; a GPU runs meanwhile.
    package var overheadSeconds = Histogram(bounds: [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2])

    package init() {}
}

/// How many requests ended in which way.
package struct FinishCounts: Sendable, Equatable {
    package var stop = 0
    package var length = 0
    package var cancelled = 0
    package var failed = 0

    package var total: Int { stop + length + cancelled + failed }

    /// Counts the end of a request; other events count nothing.
    package mutating func count(_ event: GenerationEvent) {
        switch event {
        case .token: break
        case .finished(.stop): stop += 1
        case .finished(.length): length += 1
        case .finished(.cancelled): cancelled += 1
        case .failed: failed += 1
        }
    }
}

/// A histogram with fixed upper bounds, as Prometheus counts them before accumulation.
package struct Histogram: Sendable, Equatable {
    /// Ascending upper bounds; a last bucket without bound follows.
    package let bounds: [Double]
    /// One count for each bound and one for what lies above the last.
    package internal(set) var counts: [Int]
    package internal(set) var sum = 0.0

    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    package var count: Int { counts.reduce(0, +) }

    /// The bound below which this share of all observations lies; infinite above the last bound, 0 without any.
    package func upperBound(ofShare share: Double) -> Double {
        let wanted = (Double(count) * share).rounded(.up)
        var seen = 0
        for (bucket, count) in counts.enumerated() where count > 0 {
            seen += count
            if Double(seen) >= wanted { return bucket < bounds.count ? bounds[bucket] : .infinity }
        }
        return 0
    }

    package mutating func observe(_ value: Double) {
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        counts[bucket] += 1
        sum += value
    }
}
