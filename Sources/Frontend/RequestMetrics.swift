package import Engine
import Synchronization

/// What clients experience, measured outside the engine: one record of all requests since the start.
package final class RequestMetrics: Sendable {
    /// A copy of the record.
    package struct Snapshot: Sendable {
        /// Seconds from a request's arrival to its first token.
        package fileprivate(set) var firstToken = Histogram(bounds: RequestMetrics.latencyBounds)
        /// Seconds between two tokens of one sequence.
        package fileprivate(set) var interToken = Histogram(bounds: RequestMetrics.gapBounds)
        /// Seconds from a request's arrival to a sequence's end.
        package fileprivate(set) var wholeRequest = Histogram(bounds: RequestMetrics.latencyBounds)
        package fileprivate(set) var promptTokens = 0
        package fileprivate(set) var generatedTokens = 0
        /// Sequences by the way they ended.
        package fileprivate(set) var ended: [SequenceEnding: Int] = [:]
        /// Sequences that run now.
        package fileprivate(set) var active = 0
    }

    /// The ways a sequence ends; raw values are metric labels.
    package enum SequenceEnding: String, Sendable, CaseIterable {
        case stop, length, cancelled, failed
    }

    // Fine enough that a percentile taken from them is within about a quarter of the truth.
    fileprivate static let latencyBounds = [
        0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1, 1.5,
        2.5, 3.5, 5, 7.5, 10, 15, 20, 30, 40, 60, 80, 120, 160,
    ]
    fileprivate static let gapBounds = [
        0.0005, 0.001, 0.0015, 0.0025, 0.0035, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05,
        0.0625, 0.075, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5,
    ]

    private let record = Mutex(Snapshot())

    package init() {}

    package var snapshot: Snapshot { record.withLock { $0 } }

    func begin(promptTokens: Int) {
        record.withLock {
            $0.promptTokens += promptTokens
            $0.active += 1
        }
    }

    func firstToken(after seconds: Double) {
        record.withLock {
            $0.firstToken.observe(seconds)
            $0.generatedTokens += 1
        }
    }

    func nextToken(after seconds: Double) {
        record.withLock {
            $0.interToken.observe(seconds)
            $0.generatedTokens += 1
        }
    }

    func end(_ ending: SequenceEnding, after seconds: Double) {
        record.withLock {
            $0.wholeRequest.observe(seconds)
            $0.ended[ending, default: 0] += 1
            $0.active -= 1
        }
    }
}
