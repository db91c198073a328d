internal import Cluster
internal import Core
internal import SwiftProtobuf

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension FrontendMessage {
    package init(_ wire: WireFrontendMessage) throws(ProtocolError) {
        switch wire.message {
        case nil: throw .missing(field: "message")
        case .hello(let hello):
            let requests = try WireField.list(hello.requests, "requests", limit: 1_000_000) {
                (placement) throws(ProtocolError) in try PlacementQuery(placement)
            }
            self = .hello(frontend: hello.frontend, requests: requests)
        case .submit(let placement): self = .submit(try PlacementQuery(placement))
        case .ended(let request): self = .ended(RequestID(request))
        case .alive: self = .alive
        }
    }

    package var wire: WireFrontendMessage {
        .with {
            switch self {
            case .hello(let frontend, let requests):
                $0.hello.frontend = frontend
                $0.hello.requests = requests.map(\.wire)
            case .submit(let query): $0.submit = query.wire
            case .ended(let request): $0.ended = request.rawValue
            case .alive: $0.alive = WireAlive()
            }
        }
    }
}

extension PlacementQuery {
    fileprivate init(_ wire: WirePlacement) throws(ProtocolError) {
        self.init(
            request: RequestID(wire.request),
            attempt: wire.attempt,
            adapter: try WireField.optionalDigest(wire.adapter, "adapter"),
            rank: try WireField.number(wire.rank, "rank", 0...65536),
            adapterBytes: try WireField.number(wire.adapterBytes, "adapter_bytes", WireField.byteCount),
            promptTokens: try WireField.number(wire.promptTokens, "prompt_tokens", 1...WireField.tokenCount.upperBound),
            generatedTokens: try WireField.number(wire.generatedTokens, "generated_tokens", WireField.tokenCount),
            maxTokens: try WireField.number(wire.maxTokens, "max_tokens", 1...WireField.tokenCount.upperBound),
            age: .milliseconds(try WireField.number(wire.ageMilliseconds, "age_milliseconds", 0...(1 << 40))),
            whereabouts: try Self.whereabouts(wire)
        )
    }

    private static func whereabouts(_ wire: WirePlacement) throws(ProtocolError) -> Whereabouts {
        guard let runner = try WireField.optionalRunner(wire.runnerID, "runner_id") else { return .nowhere }
        return wire.isLost ? .lost(runner) : .on(runner)
    }

    fileprivate var wire: WirePlacement {
        .with {
            $0.request = request.rawValue
            $0.attempt = attempt
            $0.adapter = adapter?.wire ?? Data()
            $0.rank = UInt32(rank)
            $0.adapterBytes = UInt64(adapterBytes)
            $0.promptTokens = UInt32(promptTokens)
            $0.generatedTokens = UInt32(generatedTokens)
            $0.maxTokens = UInt32(maxTokens)
            $0.ageMilliseconds = UInt64(max(0, age / .milliseconds(1)))
            switch whereabouts {
            case .nowhere: break
            case .on(let runner): $0.runnerID = runner.wire
            case .lost(let runner):
                $0.runnerID = runner.wire
                $0.isLost = true
            }
        }
    }
}

extension FrontendOrder {
    package init(_ wire: WireFrontendOrder) throws(ProtocolError) {
        switch wire.order {
        case nil: throw .missing(field: "order")
        case .place(let place):
            self = .place(
                RequestID(place.request),
                attempt: place.attempt,
                on: try WireField.runner(place.runnerID, "runner_id"),
                address: try WireField.text(place.address, "address", 1...255)
            )
        case .refuse(let refusal): self = .refuse(RequestID(refusal.request), attempt: refusal.attempt)
        case .snapshot(let text): self = .snapshot(Array(text))
        }
    }

    package var wire: WireFrontendOrder {
        .with {
            switch self {
            case .place(let request, let attempt, let runner, let address):
                $0.place.request = request.rawValue
                $0.place.attempt = attempt
                $0.place.runnerID = runner.wire
                $0.place.address = address
            case .refuse(let request, let attempt):
                $0.refuse.request = request.rawValue
                $0.refuse.attempt = attempt
            case .snapshot(let text): $0.snapshot = Data(text)
            }
        }
    }
}
