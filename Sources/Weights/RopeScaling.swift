/// How rotary frequencies are changed for contexts longer than those of pretraining.
///
/// With `d` the head size and `f(i) = theta^(-2i/d)` the plain frequency of pair `i`:
package enum RopeScaling: Sendable, Equatable {
    /// Every frequency divided by `factor`.
    case linear(factor: Double)
    /// Llama 3.1: frequencies whose wavelength exceeds `originalMaxPositions / lowFrequencyFactor` are divided by
    /// `factor`, those below `originalMaxPositions / highFrequencyFactor` are kept, those between are blended.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalMaxPositions: Int)
    /// YaRN (arXiv:2309.00071): a blend of kept and divided frequencies between `betaFast` and `betaSlow` rotations;
    /// cosine and sine are multiplied by `attentionFactor`. `truncates`: the blend's ends are whole pair indices.
    case yarn(
        factor: Double,
        originalMaxPositions: Int,
        betaFast: Double,
        betaSlow: Double,
        attentionFactor: Double,
        truncates: Bool
    )
}
