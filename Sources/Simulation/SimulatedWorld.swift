internal import Cluster
internal import Core

/// What stays the same during a simulation.
struct SimulatedWorld: Sendable {
    let trace: Trace
    let preset: SimulationPreset
    /// Nanoseconds between two reports of a runner.
    var reportInterval = 1_000_000_000

    /// Adapters that a GPU keeps, used or not: what spare memory holds of them, in round numbers.
    static let residentAdapters = 64

    func adapterBytes(_ adapter: Int32) -> Int { preset.adapterBytes * trace.adapters[Int(adapter)].rank / 16 }

    func adapterBlocks(_ adapter: Int32) -> Int {
        (adapterBytes(adapter) + preset.blockBytes - 1) / preset.blockBytes
    }

    func id(_ request: Int32) -> ClusterRequestID { ClusterRequestID(frontend: 0, request: RequestID(UInt64(request))) }

    func placement(_ number: Int) -> PlacementRequest {
        let request = trace.requests[number]
        return PlacementRequest(
            id: id(Int32(number)),
            adapter: request.adapter.map { trace.adapters[Int($0)].digest },
            rank: request.adapter.map { trace.adapters[Int($0)].rank } ?? 0,
            adapterBytes: request.adapter.map(adapterBytes) ?? 0,
            promptTokens: Int(request.promptTokens),
            maxTokens: Int(request.maxTokens),
            arrival: .nanoseconds(request.arrival)
        )
    }

    func description(_ machine: Int) -> RunnerDescription {
        RunnerDescription(
            id: RunnerID(UInt128(machine)),
            maxBatch: preset.maxBatch,
            blockCount: preset.blockCount,
            blockSize: preset.blockSize,
            blockBytes: preset.blockBytes
        )
    }

    /// The first request that could not run even alone on a GPU.
    var tooLarge: SimulationError? {
        for (number, request) in trace.requests.enumerated() {
            let adapter = request.adapter.map(adapterBlocks) ?? 0
            let bound = (preset.blockCount - adapter) * preset.blockSize
            let tokens = Int(request.promptTokens) + Int(request.maxTokens)
            if tokens > bound { return .tooLarge(request: number + 1, tokens: tokens, bound: bound) }
        }
        return nil
    }
}
