import Adapters
import Core
package import Engine
import OpenAI

/// Takes valid requests to streams of text: resolves the model, makes tokens of the prompt, follows the answer.
///
/// Knows nothing of HTTP. Its methods do the heavy work of a request and run outside event loops.
package struct Frontend: Sendable {
    package let model: ServedModel
    package let metrics = RequestMetrics()
    let source: any TokenSource
    private let adapters: any AdapterSource
    private let ids = RequestIDs()
    private let pendingLimit: Int

    /// - Parameter pendingLimit: pieces of each choice that may wait for their reader before the answer is cut.
    package init(
        model: ServedModel,
        source: any TokenSource,
        adapters: any AdapterSource,
        pendingLimit: Int = 4096
    ) {
        self.model = model
        self.source = source
        self.adapters = adapters
        self.pendingLimit = pendingLimit
    }

    package var statistics: EngineStatistics { source.statistics }

    /// A prompt that was checked against the model.
    struct Prompt {
        let tokens: [TokenID]
        /// Text that the answer repeats first; empty unless asked for.
        var echo = ""
    }

    /// What a request's `model` means: nil is the bare base.
    ///
    /// An unknown name is an error, never the base.
    func resolve(_ name: String) async throws(FrontendError) -> AdapterLease? {
        if model.names.contains(name) { return nil }
        do {
            return try await adapters.lease(name: name)
        } catch {
            throw error.isUnknownName ? .modelNotFound(name) : .adapter(error)
        }
    }

    /// Hands every choice of every prompt to the engine; either all are taken or none.
    func start(
        _ prompts: [Prompt],
        model name: String,
        lease: AdapterLease?,
        options: GenerationOptions,
        maxTokens: MaxTokens,
        arrival: ContinuousClock.Instant
    ) throws(FrontendError) -> Generation {
        let planner = SequencePlanner(model: model, options: options, lease: lease, maxTokens: maxTokens)
        let planned = try planner.plan(prompts, ids: ids)
        let pump = GenerationPump(
            sequences: try submit(planned),
            source: source,
            metrics: metrics,
            promptTokens: prompts.reduce(0) { $0 + $1.tokens.count },
            arrival: arrival,
            pendingLimit: pendingLimit * planned.count
        )
        for sequence in planned { metrics.begin(promptTokens: sequence.request.prompt.count) }
        return Generation(
            model: name,
            adapterDigest: lease?.adapter.digest,
            pendingLimit: pendingLimit * planned.count,
            sequences: pump
        )
    }

    private func submit(_ planned: [SequencePlanner.Planned]) throws(FrontendError) -> [GenerationPump.Sequence] {
        var taken: [GenerationPump.Sequence] = []
        for plan in planned {
            do {
                taken.append(plan.running(try source.submit(plan.request)))
            } catch {
                for sequence in taken { source.cancel(sequence.id) }
                throw .engine(error)
            }
        }
        return taken
    }
}
