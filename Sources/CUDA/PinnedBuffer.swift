internal import CCUDA

/// Host memory that the GPU reads and writes without help from the processor.
package final class PinnedBuffer {
    package let context: Context
    /// Valid as long as this object.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Takes memory; what lies in it is undefined.
    ///
    /// - Parameter byteCount: at least 1.
    package init(_ context: Context, byteCount: Int) throws(CUDAError) {
        assert(context.isCurrent)
        precondition(byteCount > 0, "a pinned buffer of \(byteCount) bytes")
        var start: UnsafeMutableRawPointer?
        let flags = UInt32(CU_MEMHOSTALLOC_PORTABLE)
        try context.driver.check(context.driver.functions.memHostAlloc(&start, byteCount, flags), "cuMemHostAlloc")
        guard let start else { preconditionFailure("cuMemHostAlloc succeeded without memory") }
        self.context = context
        bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    deinit {
        guard let start = bytes.baseAddress else { return }
        context.release { $0.memFreeHost(start) }
    }

    /// The memory as elements of a type.
    package func elements<Element: BitwiseCopyable>(_ type: Element.Type) -> UnsafeMutableBufferPointer<Element> {
        bytes.bindMemory(to: type)
    }
}
