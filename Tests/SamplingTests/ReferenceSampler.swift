import Core
import Foundation
import Sampling

/// The slow truth: everything in `Double`, everything sorted, straight from the definition.
struct ReferenceSampler {
    /// Probabilities by token id, 0 where cut.
    var probabilities: [Double]
    /// How close the nearest decision was; below some 1e-5 single precision may decide otherwise.
    var margin: Double

    init(_ logits: [Double], _ parameters: SamplingParameters) {
        let largest = logits.max() ?? 0
        var weights = logits.map { exp(($0 - largest) / Double(parameters.temperature)) }
        margin = 1
        for index in weights.indices where parameters.minP > 0 {
            let distance = weights[index] - Double(parameters.minP)
            margin = min(margin, abs(distance) / Double(parameters.minP))
            if distance < 0 { weights[index] = 0 }
        }
        let ranked = weights.indices.filter { weights[$0] > 0 }.sorted { (weights[$1], $0) < (weights[$0], $1) }
        let top = Self.topK(ranked, weights, parameters, &margin)
        let kept = Self.topP(top, weights, parameters, &margin)
        let total = kept.reduce(0) { $0 + weights[$1] }
        probabilities = Array(repeating: 0, count: logits.count)
        for index in kept { probabilities[index] = weights[index] / total }
    }

    private static func topK(
        _ ranked: [Int],
        _ weights: [Double],
        _ parameters: SamplingParameters,
        _ margin: inout Double
    ) -> [Int] {
        guard let count = parameters.topK, count < ranked.count else { return ranked }
        margin = min(margin, 1 - weights[ranked[count]] / weights[ranked[count - 1]])
        return Array(ranked.prefix(count))
    }

    private static func topP(
        _ ranked: [Int],
        _ weights: [Double],
        _ parameters: SamplingParameters,
        _ margin: inout Double
    ) -> [Int] {
        guard parameters.topP < 1 else { return ranked }
        let goal = Double(parameters.topP) * ranked.reduce(0) { $0 + weights[$1] }
        var kept: [Int] = []
        var mass = 0.0
        for index in ranked {
            if mass >= goal {
                // Which of two nearly equal tokens stands at the cut is a close decision as well.
                margin = min(margin, kept.last.map { 1 - weights[index] / weights[$0] } ?? 1)
                break
            }
            mass += weights[index]
            margin = min(margin, abs(mass - goal) / goal)
            kept.append(index)
        }
        return kept
    }

    /// The token at `uniform` of the probabilities laid end to end, and how far from the next border that is.
    func draw(_ uniform: Double) -> (token: Int, margin: Double) {
        var passed = 0.0
        for index in probabilities.indices where probabilities[index] > 0 {
            let next = passed + probabilities[index]
            if next > uniform { return (index, min(uniform - passed, next - uniform)) }
            passed = next
        }
        return (probabilities.count - 1, 0)
    }
}
