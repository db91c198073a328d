internal import Cluster
internal import Core
internal import SwiftProtobuf

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension RemoteGeneration {
    package init(_ wire: WireGenerateRequest) throws(ProtocolError) {
        guard wire.hasSampling else { throw .missing(field: "sampling") }
        guard wire.hasStop else { throw .missing(field: "stop") }
        self.init(
            id: ClusterRequestID(frontend: wire.frontend, request: RequestID(wire.request)),
            runner: try WireField.runner(wire.runnerID, "runner_id"),
            prompt: wire.prompt.map { TokenID($0) },
            generated: wire.generated.map { TokenID($0) },
            adapter: try WireField.optionalDigest(wire.adapter, "adapter"),
            sampling: try SamplingParameters(wire.sampling),
            stop: try StopConditions(wire.stop)
        )
        guard generated.count < stop.maxTokens else {
            let bound = "fewer than max_tokens, which is \(stop.maxTokens)"
            throw .outOfRange(field: "generated", bound: bound, value: "\(generated.count) tokens")
        }
    }

    package var wire: WireGenerateRequest {
        .with {
            $0.frontend = id.frontend
            $0.request = id.request.rawValue
            $0.prompt = prompt.map(\.rawValue)
            $0.generated = generated.map(\.rawValue)
            $0.adapter = adapter?.wire ?? Data()
            $0.sampling = sampling.wire
            $0.stop = stop.wire
            $0.runnerID = runner.wire
        }
    }
}

extension SamplingParameters {
    fileprivate init(_ wire: WireSampling) throws(ProtocolError) {
        self.init()
        let least = Float.leastNonzeroMagnitude
        temperature = try WireField.number(wire.temperature, "temperature", 0...2)
        topK = wire.topK == 0 ? nil : try WireField.number(wire.topK, "top_k", 1...Int(Int32.max))
        topP = try WireField.number(wire.topP, "top_p", least...1)
        minP = try WireField.number(wire.minP, "min_p", 0...1)
        repetitionPenalty = try WireField.number(wire.repetitionPenalty, "repetition_penalty", least...2)
        presencePenalty = try WireField.number(wire.presencePenalty, "presence_penalty", -2...2)
        frequencyPenalty = try WireField.number(wire.frequencyPenalty, "frequency_penalty", -2...2)
        logitBias = try WireField.list(wire.logitBias, "logit_bias", limit: 65536) { (bias) throws(ProtocolError) in
            guard bias.bias.isFinite else {
                throw .outOfRange(field: "logit_bias", bound: "a finite number", value: "\(bias.bias)")
            }
            return LogitBias(token: TokenID(bias.token), bias: bias.bias)
        }
        seed = wire.seed
        if wire.hasTopLogprobs { topLogprobs = try WireField.number(wire.topLogprobs, "top_logprobs", 0...20) }
    }

    fileprivate var wire: WireSampling {
        .with {
            $0.temperature = temperature
            $0.topK = UInt32(clamping: topK ?? 0)
            $0.topP = topP
            $0.minP = minP
            $0.repetitionPenalty = repetitionPenalty
            $0.presencePenalty = presencePenalty
            $0.frequencyPenalty = frequencyPenalty
            $0.logitBias = logitBias.map { bias in
                .with {
                    $0.token = bias.token.rawValue
                    $0.bias = bias.bias
                }
            }
            $0.seed = seed
            if let topLogprobs { $0.topLogprobs = UInt32(topLogprobs) }
        }
    }
}

extension StopConditions {
    fileprivate init(_ wire: WireStopRules) throws(ProtocolError) {
        self.init(
            maxTokens: try WireField.number(wire.maxTokens, "max_tokens", 1...WireField.tokenCount.upperBound),
            tokenIDs: wire.tokenIds.map { TokenID($0) },
            minTokens: try WireField.number(wire.minTokens, "min_tokens", WireField.tokenCount)
        )
    }

    fileprivate var wire: WireStopRules {
        .with {
            $0.maxTokens = UInt32(clamping: maxTokens)
            $0.tokenIds = tokenIDs.map(\.rawValue)
            $0.minTokens = UInt32(clamping: minTokens)
        }
    }
}
