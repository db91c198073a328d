/// An immutable tensor in host memory, row-major, kept alive by its owner.
///
/// `bytes` may point into a mapped file (then aligned to the scalar's size at best) or into memory of its own.
package struct HostTensor: @unchecked Sendable {
    // Safe because the bytes are never written after the tensor is made, and `owner` keeps them mapped.
    package let type: ScalarType
    package let shape: [Int]
    package let bytes: UnsafeRawBufferPointer
    package let owner: any AnyObject & Sendable

    /// - Precondition: `bytes` holds exactly the elements of `shape`.
    package init(type: ScalarType, shape: [Int], bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
        precondition(
            bytes.count == shape.reduce(type.byteCount, *),
            "\(bytes.count) bytes cannot hold \(shape) of \(type)"
        )
        self.type = type
        self.shape = shape
        self.bytes = bytes
        self.owner = owner
    }

    package var elementCount: Int { shape.reduce(1, *) }
}

/// Memory for tensors that are computed or copied rather than mapped; zeroed, aligned to a cache line.
package final class HostMemory: @unchecked Sendable {
    // Safe because callers write only before they share the tensor made from it.
    package let bytes: UnsafeMutableRawBufferPointer

    package init(byteCount: Int) {
        bytes = .allocate(byteCount: max(byteCount, 1), alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    /// A tensor over the first bytes of this memory.
    package func tensor(type: ScalarType, shape: [Int], offset: Int = 0) -> HostTensor {
        let count = shape.reduce(type.byteCount, *)
        return HostTensor(
            type: type,
            shape: shape,
            bytes: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]),
            owner: self
        )
    }
}
