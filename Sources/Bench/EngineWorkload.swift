internal import Adapters
internal import Core
internal import Engine
internal import Weights

/// Which adapters the requests of a run name.
enum Popularity: String, CaseIterable, Sendable {
    /// Every request its own, all together.
    case distinct
    /// One adapter for all, together.
    case identical
    /// The bare base, together.
    case base
    /// The requests of `distinct`, each alone and after the other: what serving without batching costs.
    case serial
}

/// The outcome of one run.
struct EngineRun: Sendable {
    let tokens: Int
    let seconds: Double

    var tokensPerSecond: Double { Double(tokens) / seconds }
}

/// The same requests, whatever the popularity.
struct EngineWorkload: Sendable {
    let shape: ModelConfiguration
    let requests: Int
    let promptTokens: Int
    let outputTokens: Int

    /// Longest sequence, for sizing an engine.
    var sequenceLength: Int { promptTokens + outputTokens + 1 }

    func run(_ popularity: Popularity, adapters: [AdapterLease], on engine: EngineHandle) async throws -> EngineRun {
        let start = ContinuousClock.now
        var tokens = 0
        if popularity == .serial {
            for number in 0..<requests {
                tokens += try await generate(number, adapter: adapters[number], on: engine)
            }
        } else {
            tokens = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<requests {
                    let adapter = adapter(popularity, adapters, number)
                    group.addTask { try await generate(number, adapter: adapter, on: engine) }
                }
                return try await group.reduce(0, +)
            }
        }
        return EngineRun(tokens: tokens, seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    private func adapter(_ popularity: Popularity, _ adapters: [AdapterLease], _ number: Int) -> AdapterLease? {
        switch popularity {
        case .distinct, .serial: adapters[number]
        case .identical: adapters[0]
        case .base: nil
        }
    }

    /// - Returns: tokens generated, which is `outputTokens`: nothing stops a request early.
    private func generate(_ number: Int, adapter: AdapterLease?, on engine: EngineHandle) async throws -> Int {
        var sampling = SamplingParameters()
        sampling.temperature = 0
        // Prompts differ from their first token on, so that no prefix is shared.
        let prompt = (0..<promptTokens).map { position in
            TokenID(Int32((number * 7919 + position * 31 + 1) % shape.vocabularySize))
        }
        let request = GenerationRequest(
            id: RequestID(UInt64.random(in: .min ... .max)),
            prompt: prompt,
            adapter: adapter,
            sampling: sampling,
            stop: StopConditions(maxTokens: outputTokens)
        )
        var count = 0
        for await event in try engine.submit(request) {
            switch event {
            case .token: count += 1
            case .finished: break
            case .failed(let error): throw error
            }
        }
        return count
    }
}
