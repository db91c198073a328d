package import Backends
internal import Foundation
package import Weights

extension RotaryTables {
    /// The tables of rotary position embedding (arXiv:2104.09864) for positions `0 ..< positions`.
    ///
    /// Angles are float32 products of a position and a frequency, as in the models' reference implementation.
    package init(_ configuration: ModelConfiguration, positions: Int) {
        let plain = Self.plainFrequencies(theta: configuration.ropeTheta, headSize: configuration.headSize)
        let frequencies = Self.scale(plain, configuration).map { Float($0) }
        let factor = Self.attentionFactor(configuration.ropeScaling)
        var cosines: [Float] = []
        var sines: [Float] = []
        cosines.reserveCapacity(positions * frequencies.count)
        sines.reserveCapacity(positions * frequencies.count)
        for position in 0..<positions {
            for frequency in frequencies {
                let angle = Double(Float(position) * frequency)
                cosines.append(Float(cos(angle) * factor))
                sines.append(Float(sin(angle) * factor))
            }
        }
        self.init(cosines: cosines, sines: sines)
    }

    private static func plainFrequencies(theta: Double, headSize: Int) -> [Double] {
        (0..<headSize / 2).map { pow(theta, -2 * Double($0) / Double(headSize)) }
    }

    private static func attentionFactor(_ scaling: RopeScaling?) -> Double {
        if case .yarn(_, _, _, _, let factor, _) = scaling { factor } else { 1 }
    }

    private static func scale(_ frequencies: [Double], _ configuration: ModelConfiguration) -> [Double] {
        switch configuration.ropeScaling {
        case nil:
            return frequencies
        case .linear(let factor):
            return frequencies.map { $0 / factor }
        case .llama3(let factor, let low, let high, let original):
            return frequencies.map { frequency in
                let wavelength = 2 * Double.pi / frequency
                // 0 where the wavelength is long (divide), 1 where it is short (keep).
                let blend = min(max((Double(original) / wavelength - low) / (high - low), 0), 1)
                return (1 - blend) * frequency / factor + blend * frequency
            }
        case .yarn(let factor, let original, let fast, let slow, _, let truncates):
            let ramp = YarnRamp(
                configuration,
                original: Double(original),
                fast: fast,
                slow: slow,
                truncates: truncates
            )
            return frequencies.enumerated().map { pair, frequency in
                let divided = ramp.share(of: pair)
                return frequency / factor * divided + frequency * (1 - divided)
            }
        }
    }
}

/// YaRN's ramp over frequency pairs: 0 where a frequency is kept, 1 where it is divided (arXiv:2309.00071, 3.2).
private struct YarnRamp {
    let low: Double
    let high: Double

    init(_ configuration: ModelConfiguration, original: Double, fast: Double, slow: Double, truncates: Bool) {
        let size = Double(configuration.headSize)
        /// The pair that turns `rotations` times within the original context.
        func pair(rotations: Double) -> Double {
            size * log(original / (rotations * 2 * .pi)) / (2 * log(configuration.ropeTheta))
        }
        let (first, last) = (pair(rotations: fast), pair(rotations: slow))
        low = max(truncates ? first.rounded(.down) : first, 0)
        let end = min(truncates ? last.rounded(.up) : last, size - 1)
        high = end == low ? end + 0.001 : end
    }

    func share(of pair: Int) -> Double { min(max((Double(pair) - low) / (high - low), 0), 1) }
}
