internal import CCUDA

/// Device memory of this object's own; given back when it goes, so it must outlive all work that names its address.
package final class DeviceBuffer {
    package let context: Context
    /// At least 256-byte aligned.
    package let address: UInt64
    package let byteCount: Int

    /// Takes memory; what lies in it is undefined.
    ///
    /// - Parameter byteCount: at least 1.
    package init(_ context: Context, byteCount: Int) throws(CUDAError) {
        assert(context.isCurrent)
        precondition(byteCount > 0, "a device buffer of \(byteCount) bytes")
        var address: CUdeviceptr = 0
        try context.driver.check(context.driver.functions.memAlloc(&address, byteCount), "cuMemAlloc")
        self.context = context
        self.address = address
        self.byteCount = byteCount
    }

    deinit { context.release { $0.memFree(address) } }

    /// Copies from the host, from byte `offset` on, and waits.
    package func upload(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) throws(CUDAError) {
        checkRange(offset, bytes.count)
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        let target = address + UInt64(offset)
        try context.driver.check(context.driver.functions.memcpyHtoD(target, start, bytes.count), "cuMemcpyHtoD")
    }

    /// Copies an array's elements, from byte `offset` on, and waits.
    package func upload<Element: BitwiseCopyable>(_ elements: [Element], at offset: Int = 0) throws(CUDAError) {
        let outcome = elements.withUnsafeBytes { bytes in
            Result { () throws(CUDAError) in try upload(bytes, at: offset) }
        }
        try outcome.get()
    }

    /// Copies to the host, from byte `offset` on, and waits. Work in streams is not waited for: synchronize them first.
    package func download(into bytes: UnsafeMutableRawBufferPointer, at offset: Int = 0) throws(CUDAError) {
        checkRange(offset, bytes.count)
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        let source = address + UInt64(offset)
        try context.driver.check(context.driver.functions.memcpyDtoH(start, source, bytes.count), "cuMemcpyDtoH")
    }

    /// Copies `count` elements to the host, from byte `offset` on, and waits.
    package func download<Element: BitwiseCopyable>(
        _ type: Element.Type = Element.self,
        count: Int,
        at offset: Int = 0
    ) throws(CUDAError) -> [Element] {
        var failure: CUDAError?
        let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            let outcome = Result { () throws(CUDAError) in
                let bytes = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                try download(into: bytes, at: offset)
            }
            switch outcome {
            case .success: initialized = count
            case .failure(let error): failure = error
            }
        }
        if let failure { throw failure }
        return elements
    }

    /// Sets every byte, and waits.
    package func fill(_ value: UInt8) throws(CUDAError) {
        assert(context.isCurrent)
        try context.driver.check(context.driver.functions.memsetD8(address, value, byteCount), "cuMemsetD8")
    }

    /// Copies from pinned memory, from byte `offset` on, in the stream's order.
    package func copyAsync(
        from pinned: PinnedBuffer,
        _ range: Range<Int>? = nil,
        at offset: Int = 0,
        on stream: Stream
    ) throws(CUDAError) {
        let bytes = UnsafeRawBufferPointer(rebasing: pinned.bytes[range ?? 0..<pinned.bytes.count])
        checkRange(offset, bytes.count)
        try stream.copy(bytes, to: address + UInt64(offset))
    }

    private func checkRange(_ offset: Int, _ count: Int) {
        assert(context.isCurrent)
        precondition(
            offset >= 0 && count <= byteCount - offset,
            "bytes \(offset)..<\(offset + count) of a buffer of \(byteCount)"
        )
    }
}
