internal import CUDA
internal import Core

extension CUDABackend: InspectableBackend {
    package mutating func read(_ rows: CUDARows, count: Int) throws(BackendError) -> [[Float]] {
        var numbers = try numbers(of: rows, count: count)
        // Left for the reader that comes in a step's course.
        guard pendingUpdates.areLeft(of: rows.address), let branch else { return numbers }
        let updates = try self.numbers(of: branch.rows(like: rows), count: count)
        let slots = step.elements(updateSlots)
        for row in numbers.indices where slots[row] >= 0 {
            for column in numbers[row].indices { numbers[row][column] += updates[row][column] }
        }
        return numbers
    }

    private func numbers(of rows: CUDARows, count: Int) throws(BackendError) -> [[Float]] {
        var numbers: [UInt8] = []
        faults.attempt { () throws(CUDAError) in
            numbers = try download(rows.address, byteCount: count * rows.pitch * rows.type.byteCount)
        }
        if let fault = faults.first { throw BackendError(fault.description) }
        return numbers.withUnsafeBytes { bytes in
            (0..<count).map { row in
                (0..<rows.width).map { column in
                    let index = row * rows.pitch + column
                    switch rows.type {
                    case .float32: return bytes.load(fromByteOffset: 4 * index, as: Float.self)
                    case .float16: return Float(bytes.load(fromByteOffset: 2 * index, as: Float16.self))
                    case .bfloat16:
                        return Float(bitPattern: UInt32(bytes.load(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
                    }
                }
            }
        }
    }

    private func download(_ address: UInt64, byteCount: Int) throws(CUDAError) -> [UInt8] {
        let pinned = try PinnedBuffer(context, byteCount: max(byteCount, 1))
        try stream.copy(from: address, to: UnsafeMutableRawBufferPointer(rebasing: pinned.bytes[..<byteCount]))
        try stream.synchronize()
        return Array(pinned.bytes[..<byteCount])
    }
}
