package import Adapters
package import Backends
package import Core
package import Sampling

/// A model on a device, as an engine drives it: one batch in, one token for each wanted row out.
///
/// Belongs to the engine's thread.
package protocol ModelRunner: ~Copyable {
    var vocabularySize: Int { get }

    /// Brings an adapter onto the device; nil while it is still on its way: ask again at the next step.
    mutating func install(_ adapter: LoadedAdapter) -> AdapterSlot?

    /// Takes an adapter off the device. No later batch may name the slot.
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

/// A device that can no longer be used.
package struct BackendError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
