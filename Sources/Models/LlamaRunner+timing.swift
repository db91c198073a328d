package import Backends

extension LlamaRunner where Device == CUDABackend {
    /// Times the forward pass of a step on the device, without sampling; see `CUDABackend.time`.
    ///
    /// - Returns: milliseconds of each replay.
    package mutating func time(_ batch: borrowing Batch, replays: Int) throws(BackendError) -> [Double] {
        let model = model
        return try device.time(batch, replays: replays) { _ = model.forward(on: &$0) }
    }
}
