import Core

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension Sampler {
    /// The chosen token with the probabilities asked for, of the raw logits before any parameter changed them.
    mutating func report(_ choice: Int, in logits: UnsafeBufferPointer<Float>, top count: Int?) -> SampledToken? {
        let token = TokenID(Int32(choice))
        guard let count else { return SampledToken(token: token) }
        guard let largest = Row.argmax(logits)?.value else { return nil }
        let logSum = logSum(logits, largest: largest)
        let top = Self.largest(min(count, logits.count), of: logits).compactMap { index in
            let logprob = Self.logprob(logits[index], largest, logSum)
            return logprob > -.infinity ? TokenLogprob(token: TokenID(Int32(index)), logprob: logprob) : nil
        }
        return SampledToken(token: token, logprob: Self.logprob(logits[choice], largest, logSum), top: top)
    }

    /// The logarithm of `Σ exp(logit - largest)`.
    private mutating func logSum(_ logits: UnsafeBufferPointer<Float>, largest: Float) -> Double {
        weights.withUnsafeMutableBufferPointer { weights in
            for index in 0..<logits.count {
                weights[index] = exponential(logits[index] == largest ? 0 : logits[index] - largest)
            }
            return log(Row.sum(UnsafeBufferPointer(weights)))
        }
    }

    private static func logprob(_ logit: Float, _ largest: Float, _ logSum: Double) -> Float {
        Float((logit == largest ? 0 : Double(logit) - Double(largest)) - logSum)
    }

    /// The places of the `count` largest logits above -∞, largest first, lowest id first among equals.
    private static func largest(_ count: Int, of logits: UnsafeBufferPointer<Float>) -> [Int] {
        guard count > 0 else { return [] }
        var found: [Int] = []
        found.reserveCapacity(count + 1)
        var bound = -Float.infinity
        // With at most 20 asked for, few of a vocabulary's tokens ever pass the bound; those are inserted in place.
        for index in 0..<logits.count where logits[index] > bound {
            let place = found.firstIndex { logits[$0] < logits[index] } ?? found.count
            found.insert(index, at: place)
            if found.count > count { found.removeLast() }
            if found.count == count { bound = logits[found[count - 1]] }
        }
        return found
    }
}
