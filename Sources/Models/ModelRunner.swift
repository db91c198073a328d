package import Adapters
package import Backends
package import Core
package import Sampling

/// A model on a device, as an engine drives it: one batch in, one token for each wanted row out.
///
/// Belongs to the engine's thread.
package protocol ModelRunner: ~Copyable {
    var vocabularySize: Int { get }

    /// What of the KV cache's memory an adapter takes on the device.
    func footprint(of adapter: LoadedAdapter) -> AdapterFootprint

    /// Begins to bring an adapter onto the device; see `Backend.install`.
    mutating func install(_ adapter: LoadedAdapter, in blocks: [BlockID]) -> AdapterSlot?

    /// Whether an adapter has arrived; only then may a batch name its slot.
    ///
    /// - Throws: only what leaves the device unusable.
    mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool

    /// Takes an adapter off the device. No later batch may name the slot, and its blocks are free.
    mutating func remove(_ slot: AdapterSlot)

    /// Runs one step.
    ///
    /// - Parameters:
    ///   - requests: one for each of `batch.logitRows`.
    ///   - outputs: replaced by one entry for each of `batch.logitRows`; nil where no token could be chosen.
    /// - Throws: only what leaves the device unusable.
    mutating func run(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?]
    ) throws(BackendError)
}
