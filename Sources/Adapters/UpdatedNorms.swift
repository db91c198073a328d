import Core
import Dispatch

/// The lengths of an updated weight's rows or columns, which DoRA divides by.
struct UpdatedNorms {
    /// `[outputs, inputs]`, or for the embedding `[V, E]`.
    let weight: HostTensor
    /// `[rank, inputs]`, or `[rank, V]`.
    let a: HostTensor
    /// `[outputs, rank]`, or `[E, rank]`.
    let b: HostTensor
    let scale: Float

    /// Rows or columns that one core works on at a time.
    private static let chunk = 64

    /// `‖W[i] + scale · (B·A)[i]‖` for each output i: float32 values, squares summed in float64.
    func rows() -> [Double] {
        let (outputs, inputs, rank) = (weight.shape[0], weight.shape[1], a.shape[0])
        let (down, up) = (a.floatArray(), b.floatArray())
        return inChunks(of: outputs) { range, lengths in
            var row = [Float](repeating: 0, count: inputs)
            row.withUnsafeMutableBufferPointer { row in
                for output in range {
                    weight.copyFloats(from: output * inputs, into: row)
                    for k in 0..<rank { add(down, k * inputs, times: scale * up[output * rank + k], to: row) }
                    lengths[output] = row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
                }
            }
        }
    }

    /// `‖W[:, e] + scale · (B·A)[e]‖` for each column e of an embedding table, over the vocabulary.
    func columns() -> [Double] {
        let (vocabulary, size, rank) = (weight.shape[0], weight.shape[1], a.shape[0])
        let (down, up) = (a.floatArray(), b.floatArray())
        return inChunks(of: size) { range, lengths in
            var row = [Float](repeating: 0, count: range.count)
            // Transposed, so that the inner loop runs along the columns.
            let slices = (0..<rank).map { k in range.map { up[$0 * rank + k] } }
            row.withUnsafeMutableBufferPointer { row in
                for token in 0..<vocabulary {
                    weight.copyFloats(from: token * size + range.lowerBound, into: row)
                    for k in 0..<rank { add(slices[k], 0, times: scale * down[k * vocabulary + token], to: row) }
                    for (index, value) in row.enumerated() {
                        lengths[range.lowerBound + index] += Double(value) * Double(value)
                    }
                }
            }
            for index in range { lengths[index] = lengths[index].squareRoot() }
        }
    }

    private func inChunks(
        of count: Int,
        _ body: (Range<Int>, UnsafeMutableBufferPointer<Double>) -> Void
    ) -> [Double] {
        var lengths = [Double](repeating: 0, count: count)
        lengths.withUnsafeMutableBufferPointer { lengths in
            // Safe because each iteration writes only its own range.
            nonisolated(unsafe) let target = lengths
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: (count + Self.chunk - 1) / Self.chunk) { index in
                body(index * Self.chunk..<min(count, (index + 1) * Self.chunk), target)
            }
        }
        return lengths
    }

    @inline(__always)
    private func add(
        _ source: [Float],
        _ start: Int,
        times factor: Float,
        to target: UnsafeMutableBufferPointer<Float>
    ) {
        source.withUnsafeBufferPointer { source in
            for index in 0..<target.count { target[index] += factor * source[start + index] }
        }
    }
}
