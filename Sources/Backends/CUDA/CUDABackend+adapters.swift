internal import CUDA
package import Core

extension CUDABackend {
    package func footprint(of adapter: AdapterWeights) -> AdapterFootprint {
        guard let cache else { preconditionFailure("adapters live in the KV cache's blocks, which are not made yet") }
        return AdapterLayout(adapter, blockBytes: CUDACache.blockBytes(cache.shape)).footprint
    }

    package mutating func install(_ adapter: AdapterWeights, in blocks: [BlockID]) -> AdapterSlot? {
        guard let cache else { return nil }
        return slots?.install(adapter, at: blocks.map { cache.address($0) })
    }

    package mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool {
        var landed = false
        faults.attempt { () throws(CUDAError) in landed = try slots?.hasLanded(slot, on: stream) ?? false }
        if let fault = faults.first { throw BackendError(fault.description) }
        return landed
    }

    package mutating func remove(_ slot: AdapterSlot) { slots?.remove(slot) }
}
