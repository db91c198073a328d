import Backends
import Core
import Sampling
import Testing

@Suite struct SamplingRequestTests {
    private let history = (0..<40).map { TokenID(Int32($0 % 7)) }

    @Test(arguments: [1, 2, 17, 40])
    func `a request's token is drawn for the place that its history ends at`(length: Int) {
        var sampler = Sampler(vocabularySize: 64)
        var logits = (0..<64).map { Float($0 % 5) }
        var parameters = SamplingParameters()
        (parameters.seed, parameters.presencePenalty) = (3, 0.5)
        let banned = [TokenID(4)]
        logits.withUnsafeMutableBufferPointer { logits in
            let expected = sampler.sample(
                logits: logits,
                parameters: parameters,
                history: history.span.extracting(first: length),
                promptCount: 1,
                position: length,
                banned: banned.span
            )
            let found = history.withUnsafeBufferPointer { all in
                let history = UnsafeBufferPointer(rebasing: all[..<length])
                let request = SamplingRequest(
                    parameters: parameters,
                    history: history,
                    promptCount: 1,
                    banned: banned
                )
                return sampler.sample(logits, for: request)
            }
            #expect(found == expected)
        }
    }
}
