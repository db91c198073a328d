internal import Cluster
internal import Core
internal import SwiftProtobuf

extension RunnerMessage {
    package init(_ wire: WireRunnerMessage) throws(ProtocolError) {
        switch wire.message {
        case nil: throw .missing(field: "message")
        case .registration(let registration): self = .registration(try RunnerRegistration(registration))
        case .report(let report): self = .report(try RunnerReport(report), isDraining: report.isDraining)
        }
    }

    package var wire: WireRunnerMessage {
        .with {
            switch self {
            case .registration(let registration): $0.registration = registration.wire
            case .report(let report, let isDraining):
                $0.report = report.wire
                $0.report.isDraining = isDraining
            }
        }
    }
}

extension RunnerRegistration {
    fileprivate init(_ wire: WireRegistration) throws(ProtocolError) {
        let machine = try WireField.text(wire.machine, "machine", 0...255)
        let blockBytes = try WireField.number(wire.blockBytes, "block_bytes", WireField.byteCount)
        self.init(
            description: RunnerDescription(
                id: try WireField.runner(wire.runnerID, "runner_id"),
                maxBatch: try WireField.number(wire.maxBatch, "max_batch", 1...65536),
                blockCount: try WireField.number(wire.blockCount, "block_count", 1...Int(Int32.max)),
                blockSize: try WireField.number(wire.blockSize, "block_size", 1...65536),
                blockBytes: blockBytes == 0 ? nil : blockBytes,
                machine: machine.isEmpty ? nil : machine
            ),
            incarnation: wire.incarnation,
            address: try WireField.text(wire.address, "address", 1...255),
            model: try WireField.text(wire.model, "model", 1...255)
        )
    }

    fileprivate var wire: WireRegistration {
        .with {
            $0.runnerID = description.id.wire
            $0.incarnation = incarnation
            $0.address = address
            $0.maxBatch = UInt32(description.maxBatch)
            $0.blockCount = UInt32(description.blockCount)
            $0.blockSize = UInt32(description.blockSize)
            $0.machine = description.machine ?? ""
            $0.model = model
            $0.blockBytes = UInt64(description.blockBytes ?? 0)
        }
    }
}

extension RunnerReport {
    fileprivate init(_ wire: WireReport) throws(ProtocolError) {
        let blocks = 0...Int(Int32.max)
        self.init(
            freeBlocks: try WireField.number(wire.freeBlocks, "free_blocks", blocks),
            cachedBlocks: try WireField.number(wire.cachedBlocks, "cached_blocks", blocks),
            running: try WireField.number(wire.running, "running", 0...1_000_000),
            waiting: try WireField.number(wire.waiting, "waiting", 0...1_000_000),
            residentAdapters: wire.hasResidentAdapters ? try Self.adapters(wire.residentAdapters) : nil,
            stepTime: try Self.stepTime(wire.stepSeconds),
            requests: try WireField.list(wire.requests, "requests", limit: 1_000_000) {
                (progress) throws(ProtocolError) in
                (
                    ClusterRequestID(frontend: progress.frontend, request: RequestID(progress.request)),
                    try WireField.number(progress.tokens, "tokens", WireField.tokenCount)
                )
            }
        )
    }

    private static func adapters(_ wire: WireAdapters) throws(ProtocolError) -> [AdapterDigest] {
        try WireField.list(wire.digests, "resident_adapters", limit: 100_000) { (bytes) throws(ProtocolError) in
            try WireField.digest(bytes, "resident_adapters")
        }
    }

    private static func stepTime(_ seconds: Double) throws(ProtocolError) -> Duration? {
        guard (0...3600).contains(seconds) else {
            throw .outOfRange(field: "step_seconds", bound: "0 ... 3600", value: "\(seconds)")
        }
        return seconds == 0 ? nil : .seconds(seconds)
    }

    fileprivate var wire: WireReport {
        .with {
            $0.freeBlocks = UInt32(freeBlocks)
            $0.cachedBlocks = UInt32(cachedBlocks)
            $0.running = UInt32(running)
            $0.waiting = UInt32(waiting)
            if let residentAdapters { $0.residentAdapters.digests = residentAdapters.map(\.wire) }
            $0.stepSeconds = stepTime.map { $0 / .seconds(1) } ?? 0
            $0.requests = requests.map { request in
                .with {
                    $0.frontend = request.id.frontend
                    $0.request = request.id.request.rawValue
                    $0.tokens = UInt32(request.tokens)
                }
            }
        }
    }
}

extension RunnerOrder {
    package init(_ wire: WireRunnerOrder) throws(ProtocolError) {
        switch wire.order {
        case nil: throw .missing(field: "order")
        case .alive: self = .alive
        case .drain: self = .drain
        case .stop: self = .stop
        }
    }

    package var wire: WireRunnerOrder {
        .with {
            switch self {
            case .alive: $0.alive = WireAlive()
            case .drain: $0.drain = WireDrain()
            case .stop: $0.stop = WireStop()
            }
        }
    }
}
