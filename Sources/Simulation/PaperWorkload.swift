internal import Foundation
internal import Sampling

/// How requests are spread over adapters, in the paper's words (section 7).
enum WorkloadPopularity: String, CaseIterable, Sendable {
    /// Every request has its own adapter.
    case distinct
    /// ⌈√n⌉ adapters, equally popular.
    case uniform
    /// Each adapter has 1.5 times the requests of the next one: what the paper calls Zipf-1.5.
    case skewed
    /// One adapter.
    case identical
}

/// The paper's cluster experiment (section 7.3): Poisson arrivals whose rate rises to a peak and falls again.
///
/// The rate rises in a straight line until half of the time and falls in one. Lengths are like ShareGPT's: prompts are
/// lognormal with a mean of 161 tokens and outputs with a mean of 101, which is what the paper's "1,000 requests make
/// about 101 k tokens" comes to; both have a long tail (σ = 1), cut at 1024.
struct PaperWorkload: Sendable {
    var requests: Int
    /// In seconds.
    var duration: Double
    var popularity = WorkloadPopularity.skewed
    /// Ranks that adapters have, in turn.
    var ranks = [16]
    var seed: UInt64 = 1

    static let meanPrompt = 161.0
    static let meanOutput = 101.0
    static let sigma = 1.0
    static let longest = 1024

    /// - Precondition: at least one request and one rank, a positive duration.
    func trace() -> Trace {
        precondition(requests > 0 && duration > 0 && !ranks.isEmpty)
        var random = Draws(seed: seed)
        let choice = AdapterChoice(popularity, requests: requests)
        var made: [TraceRequest] = []
        made.reserveCapacity(requests)
        for number in 0..<requests {
            let adapter = choice.adapter(of: number, draw: random.uniform())
            made.append(
                TraceRequest(
                    arrival: Int(arrival(random.uniform()) * 1e9),
                    adapter: Int32(adapter),
                    promptTokens: Self.length(mean: Self.meanPrompt, random.normal()),
                    outputTokens: Self.length(mean: Self.meanOutput, random.normal()),
                    maxTokens: Int32(Self.longest)
                )
            )
        }
        made.sort { $0.arrival < $1.arrival }
        let adapters = (0..<choice.count).map { Trace.Adapter(number: $0, rank: ranks[$0 % ranks.count]) }
        return Trace(name: "paper", requests: made, adapters: adapters)
    }

    /// A draw from the density that rises and falls: a Poisson process, given how many arrive, is that many of these.
    private func arrival(_ draw: Double) -> Double {
        let share = draw < 0.5 ? (draw / 2).squareRoot() : 1 - ((1 - draw) / 2).squareRoot()
        return share * duration
    }

    private static func length(mean: Double, _ normal: Double) -> Int32 {
        let value = mean * exp(sigma * normal - sigma * sigma / 2)
        return Int32(min(max(value.rounded(), 1), Double(longest)))
    }
}

/// Which adapter a request has.
private struct AdapterChoice {
    let count: Int
    private let popularity: WorkloadPopularity

    init(_ popularity: WorkloadPopularity, requests: Int) {
        self.popularity = popularity
        switch popularity {
        case .distinct: count = requests
        case .uniform: count = Int(Double(requests).squareRoot().rounded(.up))
        // As many as can expect a request each: the last has 3 · 1.5^-count of all.
        case .skewed: count = max(1, Int(log(Double(requests) / 3) / log(1.5)) + 1)
        case .identical: count = 1
        }
    }

    func adapter(of number: Int, draw: Double) -> Int {
        switch popularity {
        case .distinct: number
        case .uniform: min(count - 1, Int(draw * Double(count)))
        case .skewed: min(count - 1, Int(-log(1 - draw) / log(1.5)))
        case .identical: 0
        }
    }
}

/// Numbers of one seed, one after another.
struct Draws: Sendable {
    private let generator: Philox
    private var position = 0

    init(seed: UInt64) { generator = Philox(seed: seed) }

    /// In `[0, 1)`.
    mutating func uniform() -> Double {
        defer { position += 1 }
        return generator.uniform(position: position)
    }

    /// Normal with mean 0 and variance 1 (Box and Muller).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * Double.pi * uniform())
    }
}

extension PaperWorkload {
    /// Requests a second that a GPU serves at its largest batch, as the step-time model has it: each takes its share of
    /// its decode steps and its prefill, which nothing else hides.
    static func rate(of preset: SimulationPreset) -> Double {
        let context = preset.maxBatch * Int(meanPrompt + meanOutput)
        let adapters = min(preset.maxBatch, 8)
        let load = StepTimeModel.Load(batch: preset.maxBatch, contextTokens: context, rankSum: 16 * adapters)
        let decodes = preset.step.seconds(load) * meanOutput / Double(preset.maxBatch)
        return 1 / (decodes + preset.step.perPrefillToken * meanPrompt)
    }
}
