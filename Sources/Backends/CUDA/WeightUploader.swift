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

    /// Converts a matrix to a 16-bit type and copies it; the device has it after `finish`.
    ///
    /// - Parameter pitch: elements from one row to the next on the device; what lies between rows becomes zero.
    func upload(_ tensor: HostTensor, as type: ScalarType, to address: UInt64, pitch: Int) throws(CUDAError) {
        let rows = tensor.shape[0], rowBytes = pitch * type.byteCount
        let perTurn = Self.bufferBytes / rowBytes
        precondition(perTurn > 0, "rows of \(rowBytes) bytes")
        for first in stride(from: 0, to: rows, by: perTurn) {
            let part = first..<min(first + perTurn, rows)
            let buffer = buffers[turn]
            try events[turn].synchronize()
            fill(buffer.bytes, from: tensor, rows: part, as: type, rowBytes: rowBytes)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<(part.count * rowBytes)])
            try stream.copy(bytes, to: address + UInt64(first * rowBytes))
            try events[turn].record(on: stream)
            turn = 1 - turn
        }
    }

    func finish() throws(CUDAError) { try stream.synchronize() }

    private func fill(
        _ target: UnsafeMutableRawBufferPointer,
        from tensor: HostTensor,
        rows: Range<Int>,
        as type: ScalarType,
        rowBytes: Int
    ) {
        // Sound: the iterations write disjoint ranges of memory that outlives them.
        nonisolated(unsafe) let target = target
        let columns = tensor.shape[1]
        let pieces = max(1, min(16, (rows.count * columns) >> 18))
        DispatchQueue.concurrentPerform(iterations: pieces) { piece in
            for row in rows.count * piece / pieces..<rows.count * (piece + 1) / pieces {
                let bytes = UnsafeMutableRawBufferPointer(rebasing: target[row * rowBytes..<(row + 1) * rowBytes])
                let first = (rows.lowerBound + row) * columns, used = columns * type.byteCount
                tensor.write(first..<first + columns, as: type, to: bytes)
                UnsafeMutableRawBufferPointer(rebasing: bytes[used...]).initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
    }
}
