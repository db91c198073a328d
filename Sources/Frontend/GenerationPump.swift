import Core
import Engine
import OpenAI

/// Follows the sequences of one request from their engine to their reader.
struct GenerationPump: Sendable {
    /// One sequence that an engine has taken.
    struct Sequence: Sendable {
        let id: RequestID
        let index: Int
        /// Shown before the first token.
        let opening: String
        let events: GenerationEvents
        let answer: AnswerText
    }

    private enum Outcome {
        case finished(tokens: Int)
        case failed(FrontendError)
    }

    let sequences: [Sequence]
    let source: any TokenSource
    let metrics: RequestMetrics
    let promptTokens: Int
    let arrival: ContinuousClock.Instant
    let pendingLimit: Int

    var count: Int { sequences.count }

    /// Room of the stream beyond `pendingLimit`: one piece too many of each sequence, and the terminal update, so that
    /// every stream can say how it ended.
    var spareCount: Int { count + 1 }

    /// Runs to the end of every sequence; the first failure ends the others.
    func run(into updates: AsyncStream<GenerationUpdate>.Continuation) async {
        var usage = Usage(promptTokens: promptTokens, completionTokens: 0)
        var failure: FrontendError?
        await withTaskGroup(of: Outcome.self) { group in
            for sequence in sequences {
                group.addTask { await follow(sequence, into: updates) }
            }
            for await outcome in group {
                switch outcome {
                case .finished(let tokens): usage.completionTokens += tokens
                case .failed(let error):
                    failure = failure ?? error
                    group.cancelAll()
                }
            }
        }
        updates.yield(failure.map { .failed($0) } ?? .finished(usage))
        updates.finish()
    }

    private func follow(
        _ sequence: Sequence,
        into updates: AsyncStream<GenerationUpdate>.Continuation
    ) async -> Outcome {
        var timing = SequenceTiming(arrival: arrival, metrics: metrics)
        let outcome = await tell(sequence, timing: &timing, into: updates)
        if case .failed(let error) = outcome {
            // The engine may still run it: the reader left, or a sibling failed.
            source.cancel(sequence.id)
            timing.end(error.isFromOutside ? .cancelled : .failed)
        }
        return outcome
    }

    private func tell(
        _ sequence: Sequence,
        timing: inout SequenceTiming,
        into updates: AsyncStream<GenerationUpdate>.Continuation
    ) async -> Outcome {
        var answer = sequence.answer
        if !sequence.opening.isEmpty {
            updates.yield(.delta(ChoiceDelta(index: sequence.index, text: sequence.opening)))
        }
        for await event in sequence.events {
            let delta: ChoiceDelta?
            switch event {
            case .token(let token):
                timing.token()
                delta = answer.append(token)
            case .finished(let reason):
                guard let end = answer.end(for: reason) else { return .failed(.cancelled) }
                delta = answer.finish(end)
            case .failed(let error):
                return .failed(.engine(error))
            }
            if let delta, case .enqueued(let remaining) = updates.yield(.delta(delta)), remaining < spareCount {
                return .failed(.readerTooSlow(limit: pendingLimit))
            }
            if let end = answer.end {
                if case .token = event { source.cancel(sequence.id) }
                timing.end(end == .length ? .length : .stop)
                return .finished(tokens: answer.tokenCount)
            }
        }
        return .failed(.cancelled)
    }
}

extension FrontendError {
    fileprivate var isFromOutside: Bool {
        switch self {
        case .cancelled, .readerTooSlow: true
        default: false
        }
    }
}

/// Observes one sequence's latencies.
private struct SequenceTiming {
    private let arrival: ContinuousClock.Instant
    private let metrics: RequestMetrics
    private var lastToken: ContinuousClock.Instant?

    init(arrival: ContinuousClock.Instant, metrics: RequestMetrics) {
        self.arrival = arrival
        self.metrics = metrics
    }

    mutating func token() {
        let now = ContinuousClock.now
        if let lastToken {
            metrics.nextToken(after: (now - lastToken).seconds)
        } else {
            metrics.firstToken(after: (now - arrival).seconds)
        }
        lastToken = now
    }

    func end(_ ending: RequestMetrics.SequenceEnding) {
        metrics.end(ending, after: (ContinuousClock.now - arrival).seconds)
    }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
