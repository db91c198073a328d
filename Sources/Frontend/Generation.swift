package import Core
package import OpenAI

/// What is told of a running answer.
///
/// The last update, and only the last, is `finished` or `failed`.
package enum GenerationUpdate: Sendable, Equatable {
    case delta(ChoiceDelta)
    case finished(Usage)
    case failed(FrontendError)
}

/// The answer to one accepted request while it is being made: one or more sequences, told as one stream.
///
/// Dropping it, or the stream, cancels what still runs.
package final class Generation: Sendable {
    /// The model as the caller named it.
    package let model: String
    /// Content of the adapter that answers; nil for the bare base.
    package let adapterDigest: AdapterDigest?
    package let choiceCount: Int
    /// For one reader; ends with a terminal update unless the reader's own task is cancelled.
    package let updates: AsyncStream<GenerationUpdate>
    /// Updates that may wait for their reader; one more cancels the request.
    package let pendingLimit: Int
    private let task: Task<Void, Never>

    init(model: String, adapterDigest: AdapterDigest?, pendingLimit: Int, sequences: GenerationPump) {
        self.model = model
        self.adapterDigest = adapterDigest
        self.pendingLimit = pendingLimit
        choiceCount = sequences.count
        let (updates, continuation) = AsyncStream.makeStream(
            of: GenerationUpdate.self,
            bufferingPolicy: .bufferingOldest(pendingLimit + sequences.spareCount)
        )
        let task = Task { await sequences.run(into: continuation) }
        continuation.onTermination = { reason in
            if case .cancelled = reason { task.cancel() }
        }
        self.updates = updates
        self.task = task
    }

    deinit { task.cancel() }

    /// Ends the answer early; the stream then ends with `failed(.cancelled)`.
    package func cancel() { task.cancel() }

    /// Waits for the whole answer.
    package func whole() async throws(FrontendError) -> (choices: [Choice], usage: Usage) {
        var choices = Array(repeating: ChoiceUnderway(), count: choiceCount)
        for await update in updates {
            switch update {
            case .delta(let delta): choices[delta.index].append(delta)
            case .finished(let usage): return (choices.enumerated().map { $1.whole(index: $0) }, usage)
            case .failed(let error): throw error
            }
        }
        throw .cancelled
    }
}

/// A choice that is being put together from its pieces.
private struct ChoiceUnderway {
    var text = ""
    var end: ChoiceEnd?
    var reports: [TokenReport]?

    mutating func append(_ delta: ChoiceDelta) {
        text += delta.text
        end = delta.end
        guard let more = delta.reports else { return }
        // In place: a copy for each piece would take a time that is the answer's length squared.
        if reports == nil { reports = more } else { reports?.append(contentsOf: more) }
    }

    func whole(index: Int) -> Choice {
        guard let end else { preconditionFailure("choice \(index) of a finished answer has no end") }
        return Choice(index: index, text: text, end: end, reports: reports)
    }
}
