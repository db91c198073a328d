internal import CUDA
internal import Core
internal import Dispatch

/// Brings weights to the device: many threads fill one pinned buffer while the other is copied.
final class WeightUploader {
    private let stream: Stream
    private let buffers: [PinnedBuffer]
    private let events: [Event]
    private var turn = 0

    private static var bufferBytes: Int { 64 << 20 }

    init(_ context: Context) throws(CUDAError) {
        stream = try Stream(context)
        buffers = [
            try PinnedBuffer(context, byteCount: Self.bufferBytes),
            try PinnedBuffer(context, byteCount: Self.bufferBytes),
        ]
        events = [try Event(context), try Event(context)]
    }

    /// Converts a tensor to a 16-bit type and copies it; the device has it after `finish`.
    func upload(_ tensor: HostTensor, as type: ScalarType, to address: UInt64) throws(CUDAError) {
        let count = tensor.elementCount
        let perTurn = Self.bufferBytes / type.byteCount
        for first in stride(from: 0, to: count, by: perTurn) {
            let part = tensor.slice(first..<min(first + perTurn, count))
            let buffer = buffers[turn]
            try events[turn].synchronize()
            fill(buffer.bytes, from: part, as: type)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<(part.elementCount * type.byteCount)])
            try stream.copy(bytes, to: address + UInt64(first * type.byteCount))
            try events[turn].record(on: stream)
            turn = 1 - turn
        }
    }

    func finish() throws(CUDAError) { try stream.synchronize() }

    private func fill(_ target: UnsafeMutableRawBufferPointer, from tensor: HostTensor, as type: ScalarType) {
        // Sound: the iterations write disjoint ranges of memory that outlives them.
        nonisolated(unsafe) let target = target
        let count = tensor.elementCount
        let pieces = max(1, min(16, count >> 18))
        DispatchQueue.concurrentPerform(iterations: pieces) { piece in
            let range = count * piece / pieces..<count * (piece + 1) / pieces
            let bytes = target[range.lowerBound * type.byteCount..<range.upperBound * type.byteCount]
            tensor.slice(range).write(as: type, to: UnsafeMutableRawBufferPointer(rebasing: bytes))
        }
    }
}

extension HostTensor {
    /// Some of the elements, counted in row-major order, as a one-dimensional tensor over the same memory.
    func slice(_ range: Range<Int>) -> HostTensor {
        let bytes = bytes[range.lowerBound * type.byteCount..<range.upperBound * type.byteCount]
        return HostTensor(
            type: type,
            shape: [range.count],
            bytes: UnsafeRawBufferPointer(rebasing: bytes),
            owner: owner
        )
    }
}
