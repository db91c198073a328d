internal import Core
internal import Engine
internal import SwiftProtobuf

extension RemoteEvent {
    package init(_ wire: WireGenerateEvent) throws(ProtocolError) {
        switch wire.event {
        case nil: throw .missing(field: "event")
        case .alive: self = .alive
        case .token(let token): self = .generation(.token(try GeneratedToken(token)))
        case .finished(let finished): self = .generation(.finished(try FinishReason(finished)))
        case .failed(let failed):
            self =
                failed.kind == .adapter
                ? .adapterUnavailable(reason: failed.reason) : .generation(.failed(try EngineError(failed)))
        }
    }

    package var wire: WireGenerateEvent {
        .with {
            switch self {
            case .alive: $0.alive = WireAlive()
            case .generation(.token(let token)): $0.token = token.wire
            case .generation(.finished(let reason)): $0.finished = reason.wire
            case .generation(.failed(let error)): $0.failed = error.wire
            case .adapterUnavailable(let reason):
                $0.failed.kind = .adapter
                $0.failed.reason = reason
            }
        }
    }
}

extension GeneratedToken {
    fileprivate init(_ wire: WireToken) throws(ProtocolError) {
        self.init(
            index: try WireField.number(wire.index, "index", WireField.tokenCount),
            id: TokenID(wire.id),
            logprob: wire.hasLogprob ? wire.logprob : nil,
            top: wire.top.map { TokenLogprob(token: TokenID($0.token), logprob: $0.logprob) }
        )
    }

    fileprivate var wire: WireToken {
        .with {
            $0.index = UInt32(index)
            $0.id = id.rawValue
            if let logprob { $0.logprob = logprob }
            $0.top = top.map { chance in
                .with {
                    $0.token = chance.token.rawValue
                    $0.logprob = chance.logprob
                }
            }
        }
    }
}

extension FinishReason {
    fileprivate init(_ wire: WireFinished) throws(ProtocolError) {
        switch wire.reason {
        case .stop: self = .stop(TokenID(wire.token))
        case .length: self = .length
        case .cancelled: self = .cancelled
        case .unspecified, .UNRECOGNIZED:
            throw .outOfRange(field: "reason", bound: "a known reason", value: "\(wire.reason.rawValue)")
        }
    }

    fileprivate var wire: WireFinished {
        .with {
            switch self {
            case .stop(let token):
                $0.reason = .stop
                $0.token = token.rawValue
            case .length: $0.reason = .length
            case .cancelled: $0.reason = .cancelled
            }
        }
    }
}

extension EngineError {
    fileprivate init(_ wire: WireFailed) throws(ProtocolError) {
        let value = try WireField.number(wire.value, "value", Int(Int32.min)...(1 << 40))
        let limit = try WireField.number(wire.limit, "limit", 0...(1 << 40))
        switch wire.kind {
        case .backend: self = .backend(wire.reason)
        case .draining: self = .draining
        case .emptyPrompt: self = .emptyPrompt
        case .noRoom: self = .noRoom(blocks: value, limit: limit)
        case .promptTooLong: self = .promptTooLong(tokens: value, limit: limit)
        case .queueFull: self = .queueFull(limit: limit)
        case .stopped: self = .stopped
        case .tokenOutOfRange:
            self = .tokenOutOfRange(token: TokenID(Int32(clamping: value)), vocabularySize: limit)
        case .adapter, .unspecified, .UNRECOGNIZED:
            throw .outOfRange(field: "kind", bound: "a known kind", value: "\(wire.kind.rawValue)")
        }
    }

    fileprivate var wire: WireFailed {
        switch self {
        case .backend(let reason):
            .with {
                $0.kind = .backend
                $0.reason = reason
            }
        case .draining: Self.failed(.draining)
        case .emptyPrompt: Self.failed(.emptyPrompt)
        case .noRoom(let blocks, let limit): Self.failed(.noRoom, value: blocks, limit: limit)
        case .promptTooLong(let tokens, let limit): Self.failed(.promptTooLong, value: tokens, limit: limit)
        case .queueFull(let limit): Self.failed(.queueFull, limit: limit)
        case .stopped: Self.failed(.stopped)
        case .tokenOutOfRange(let token, let size):
            Self.failed(.tokenOutOfRange, value: Int(token.rawValue), limit: size)
        }
    }

    private static func failed(_ kind: WireFailed.Kind, value: Int = 0, limit: Int = 0) -> WireFailed {
        .with {
            $0.kind = kind
            $0.value = Int64(value)
            $0.limit = Int64(limit)
        }
    }
}
