package import CCUDA

/// Work for the GPU in order; different streams run beside each other.
///
/// Asynchronous calls return before the work is done: memory that they name must live and stay as it is until the
/// stream has passed them.
package final class Stream {
    /// Which stream's blocks the GPU takes first when both have some.
    package enum Priority { case low, high }

    package let context: Context
    package let handle: CUstream

    package init(_ context: Context, priority: Priority = .low) throws(CUDAError) {
        assert(context.isCurrent)
        let functions = context.driver.functions
        var range: (least: Int32, greatest: Int32) = (0, 0)
        try context.driver.check(
            functions.ctxGetStreamPriorityRange(&range.least, &range.greatest),
            "cuCtxGetStreamPriorityRange"
        )
        var handle: CUstream?
        let flags = UInt32(CU_STREAM_NON_BLOCKING)
        let level = priority == .high ? range.greatest : range.least
        try context.driver.check(functions.streamCreateWithPriority(&handle, flags, level), "cuStreamCreate")
        guard let handle else { preconditionFailure("cuStreamCreate succeeded without a stream") }
        self.context = context
        self.handle = handle
    }

    deinit { context.release { $0.streamDestroy(handle) } }

    /// Waits until everything issued so far is done, and tells what of it failed.
    package func synchronize() throws(CUDAError) {
        try check(functions.streamSynchronize(handle), "cuStreamSynchronize")
    }

    /// Whether everything issued so far is done.
    package func isIdle() throws(CUDAError) -> Bool {
        let result = functions.streamQuery(handle)
        if Int(result) == CUDA_ERROR_NOT_READY { return false }
        try check(result, "cuStreamQuery")
        return true
    }

    /// Lets later work wait for what `event` recorded. Inside a capture this joins the event's stream to the graph.
    package func wait(_ event: Event) throws(CUDAError) {
        try check(functions.streamWaitEvent(handle, event.handle, 0), "cuStreamWaitEvent")
    }

    /// Copies from the host. Only from pinned memory does it run beside other work.
    package func copy(_ bytes: UnsafeRawBufferPointer, to address: UInt64) throws(CUDAError) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        try check(functions.memcpyHtoDAsync(address, start, bytes.count, handle), "cuMemcpyHtoDAsync")
    }

    /// Copies to the host; the bytes are there after `synchronize` or an event recorded behind.
    package func copy(from address: UInt64, to bytes: UnsafeMutableRawBufferPointer) throws(CUDAError) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        try check(functions.memcpyDtoHAsync(start, address, bytes.count, handle), "cuMemcpyDtoHAsync")
    }

    /// Copies within the GPU; the ranges must not overlap.
    package func copy(from source: UInt64, to address: UInt64, byteCount: Int) throws(CUDAError) {
        if byteCount == 0 { return }
        try check(functions.memcpyDtoDAsync(address, source, byteCount, handle), "cuMemcpyDtoDAsync")
    }

    /// Sets every byte of a range.
    package func fill(_ address: UInt64, byteCount: Int, with value: UInt8) throws(CUDAError) {
        if byteCount == 0 { return }
        try check(functions.memsetD8Async(address, value, byteCount, handle), "cuMemsetD8Async")
    }

    private var functions: CUDADriverFunctions {
        assert(context.isCurrent)
        return context.driver.functions
    }

    @inline(__always)
    private func check(_ result: CUresult, _ function: StaticString) throws(CUDAError) {
        try context.driver.check(result, function)
    }
}
