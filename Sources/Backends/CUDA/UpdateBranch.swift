internal import CUDA
internal import Core

/// A stream beside the backend's own, for low-rank updates that need not wait for their product, nor it for them; and
/// the rows that they leave, one product's at a time. In a capture it becomes a branch of the graph.
///
/// Both ends of a launch are latency: its first weights take their time to come, and its last blocks end one by one.
/// Meanwhile the other launch has the GPU.
final class UpdateBranch {
    private let stream: Stream
    private let fork: Event
    private let join: Event
    private let rows: DeviceBuffer

    /// - Parameters:
    ///   - rows: of a step, at most.
    ///   - width: of the widest product.
    init(_ context: Context, rows: Int, width: Int) throws(CUDAError) {
        // Of low priority: where both have blocks that could run, the product is the longer.
        stream = try Stream(context)
        fork = try Event(context)
        join = try Event(context)
        self.rows = try DeviceBuffer(context, byteCount: 2 * rows * width)
    }

    /// Where the updates lie.
    var address: UInt64 { rows.address }

    /// The updates of a product.
    func rows(like product: CUDARows) -> CUDARows {
        precondition(product.type != .float32 && product.pitch == product.width, "updates lie as 16-bit products do")
        return CUDARows(
            address: rows.address,
            count: product.count,
            width: product.width,
            pitch: product.pitch,
            type: product.type
        )
    }

    /// Lets the next updates begin when all is done that `main` has been given by now.
    func begin(beside main: Stream) throws(CUDAError) { try fork.record(on: main) }

    /// Issues a product's updates, `begin` having been told where; what `main` is given from now on comes after them.
    ///
    /// - Parameter updates: is told the rows, shaped as the product's, and the stream.
    func run(
        beside main: Stream,
        of product: CUDARows,
        _ updates: (CUDARows, Stream) throws(CUDAError) -> Void
    ) throws(CUDAError) {
        try stream.wait(fork)
        try updates(rows(like: product), stream)
        try join.record(on: stream)
        try main.wait(join)
    }
}
