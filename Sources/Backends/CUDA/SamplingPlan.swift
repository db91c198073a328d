internal import CUDAKernels
internal import Core
internal import Sampling

/// What the sampling kernels are told of a step's requests. Filled anew for each step; keeps its memory.
struct SamplingPlan {
    /// One for each wanted row.
    private(set) var rows: [SampleRow] = []
    private(set) var biases: [SampleBias] = []
    private(set) var seen: [SampleSeen] = []
    /// Rows whose logits are changed or cut before the draw.
    private(set) var edited: [Int32] = []
    /// Rows whose probabilities are reported.
    private(set) var reported: [Int32] = []
    /// Whether a row that is not edited draws.
    private(set) var draws = false

    private let vocabularySize: Int
    /// By token id, zero between calls: bit 0 tells whether it was seen, the rest counts it in the output.
    private var occurrences: [Int32]

    init(vocabularySize: Int) {
        self.vocabularySize = vocabularySize
        occurrences = Array(repeating: 0, count: vocabularySize)
    }

    mutating func fill(_ requests: borrowing [SamplingRequest]) {
        rows.removeAll(keepingCapacity: true)
        biases.removeAll(keepingCapacity: true)
        seen.removeAll(keepingCapacity: true)
        edited.removeAll(keepingCapacity: true)
        reported.removeAll(keepingCapacity: true)
        draws = false
        for index in 0..<requests.count { append(requests[index]) }
    }

    private mutating func append(_ request: SamplingRequest) {
        let parameters = request.parameters
        let biasStart = Int32(biases.count)
        for token in request.banned { biases.append(SampleBias(token: token.rawValue, bias: -.infinity)) }
        for bias in parameters.logitBias { biases.append(SampleBias(token: bias.token.rawValue, bias: bias.bias)) }
        let seenStart = Int32(seen.count)
        if parameters.hasPenalties { appendSeen(request) }
        let changes = Int(biasStart) < biases.count || Int(seenStart) < seen.count
        let topK = parameters.topK.flatMap { $0 < vocabularySize ? max($0, 1) : nil }
        let cuts = !parameters.isGreedy && (topK != nil || parameters.topP < 1 || parameters.minP > 0)
        if changes || cuts {
            edited.append(Int32(rows.count))
        } else if !parameters.isGreedy {
            draws = true
        }
        if parameters.topLogprobs != nil { reported.append(Int32(rows.count)) }
        rows.append(
            SampleRow(
                seed: parameters.seed,
                position: Int64(request.history.count),
                temperature: parameters.temperature,
                minP: parameters.minP,
                topP: parameters.topP,
                topK: Int32(topK ?? 0),
                repetitionPenalty: parameters.repetitionPenalty,
                presencePenalty: parameters.presencePenalty,
                frequencyPenalty: parameters.frequencyPenalty,
                biasStart: biasStart,
                biasEnd: Int32(biases.count),
                seenStart: seenStart,
                seenEnd: Int32(seen.count),
                isEdited: changes || cuts ? 1 : 0,
                topCount: Int32(parameters.topLogprobs ?? -1),
                endsAwaited: seen.last.map { $0.token < 0 && Int(seenStart) < seen.count } == true ? 1 : 0
            )
        )
    }

    /// Lists each token of the history once, with how often it is in the output; but one that is awaited last of all,
    /// whichever it will be.
    private mutating func appendSeen(_ request: SamplingRequest) {
        let start = seen.count
        for index in request.history.indices {
            let token = request.history[index].rawValue
            guard token >= 0 && token < vocabularySize else { continue }
            if occurrences[Int(token)] == 0 { seen.append(SampleSeen(token: token, outputCount: 0)) }
            occurrences[Int(token)] += index >= request.promptCount ? 2 : 0
            occurrences[Int(token)] |= 1
        }
        for index in start..<seen.count {
            let token = Int(seen[index].token)
            seen[index].outputCount = occurrences[token] >> 1
            occurrences[token] = 0
        }
        if let newest = request.history.last, newest.awaitedNumber != nil {
            seen.append(SampleSeen(token: newest.rawValue, outputCount: 1))
        }
    }
}
