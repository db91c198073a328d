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

    /// Whether a step may begin while the one before it runs; see `Backend.runsAhead`.
    var runsAhead: Bool { get }

    /// Begins a step.
    ///
    /// - Parameter requests: one for each of `batch.logitRows`.
    /// - Throws: only what leaves the device unusable.
    mutating func begin(_ batch: borrowing Batch, _ requests: borrowing [SamplingRequest]) throws(BackendError)

    /// Whether `finish` would not wait.
    ///
    /// - Throws: as `finish`.
    mutating func isStepDone() throws(BackendError) -> Bool

    /// Waits for the oldest step that was begun and has not been finished.
    ///
    /// - Parameter outputs: replaced by one entry for each of the `logitRows` of its batch; nil where no token could be
    ///   chosen.
    /// - Throws: only what leaves the device unusable.
    mutating func finish(into outputs: inout [SampledToken?]) throws(BackendError)
}

extension ModelRunner where Self: ~Copyable {
    /// As where `begin` computes the step.
    package mutating func isStepDone() throws(BackendError) -> Bool { true }

    /// Runs one step from its beginning to its end.
    package mutating func run(
        _ batch: borrowing Batch,
        _ requests: borrowing [SamplingRequest],
        into outputs: inout [SampledToken?]
    ) throws(BackendError) {
        try begin(batch, requests)
        try finish(into: &outputs)
    }
}
