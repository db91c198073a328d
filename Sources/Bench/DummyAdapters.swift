internal import Adapters
internal import Core
internal import Dispatch
internal import Synchronization
internal import Weights

/// Made-up adapters for measurements, made on all cores.
enum DummyAdapters {
    static func make(
        _ shape: ModelConfiguration,
        rank: Int,
        count: Int,
        projections: [Projection] = Projection.allCases
    ) throws -> [LoadedAdapter] {
        let results = Mutex<[Int: Result<LoadedAdapter, AdapterError>]>([:])
        DispatchQueue.concurrentPerform(iterations: count) { number in
            let result = Result { () throws(AdapterError) in
                try LoadedAdapter.dummy(model: shape, rank: rank, seed: UInt64(number + 1), projections: projections)
            }
            results.withLock { $0[number] = result }
        }
        let made = results.withLock { $0 }
        return try (0..<count).compactMap { try made[$0]?.get() }
    }
}
