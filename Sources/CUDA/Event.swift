internal import CCUDA

/// A point in a stream's work: others wait for it, and two of them measure time.
package final class Event: Sendable {
    package let context: Context
    // The driver's handle, which may be used from any thread.
    nonisolated(unsafe) let handle: CUevent

    /// - Parameter timing: whether `milliseconds` may be asked; costs a little at every `record`.
    package init(_ context: Context, timing: Bool = false) throws(CUDAError) {
        assert(context.isCurrent)
        var handle: CUevent?
        let flags = UInt32(timing ? CU_EVENT_DEFAULT : CU_EVENT_DISABLE_TIMING)
        try context.driver.check(context.driver.functions.eventCreate(&handle, flags), "cuEventCreate")
        guard let handle else { preconditionFailure("cuEventCreate succeeded without an event") }
        self.context = context
        self.handle = handle
    }

    deinit { context.release { $0.eventDestroy(handle) } }

    /// Marks the work issued to `stream` so far. Recording again forgets the earlier mark.
    package func record(on stream: Stream) throws(CUDAError) {
        assert(context.isCurrent)
        try context.driver.check(context.driver.functions.eventRecord(handle, stream.handle), "cuEventRecord")
    }

    /// Whether the marked work is done. Throws what of it failed.
    package func isDone() throws(CUDAError) -> Bool {
        assert(context.isCurrent)
        let result = context.driver.functions.eventQuery(handle)
        if Int(result) == CUDA_ERROR_NOT_READY { return false }
        try context.driver.check(result, "cuEventQuery")
        return true
    }

    /// Waits until the marked work is done.
    package func synchronize() throws(CUDAError) {
        assert(context.isCurrent)
        try context.driver.check(context.driver.functions.eventSynchronize(handle), "cuEventSynchronize")
    }

    /// The time between two marks that are both done; both events made with `timing`.
    package static func milliseconds(from start: Event, to end: Event) throws(CUDAError) -> Double {
        assert(start.context.isCurrent)
        let driver = start.context.driver
        var milliseconds: Float = 0
        let result = driver.functions.eventElapsedTime(&milliseconds, start.handle, end.handle)
        try driver.check(result, "cuEventElapsedTime")
        return Double(milliseconds)
    }
}
