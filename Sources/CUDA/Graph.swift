internal import CCUDA

/// Work recorded once and launched as a whole: addresses, grids and parameters stay those of the recording.
package final class Graph {
    package let context: Context
    /// Kernels, copies and fills in it.
    package let nodeCount: Int
    private let handle: CUgraphExec

    /// Records what `body` issues to `stream`, and to other streams between a wait for an event recorded on `stream`
    /// and `stream`'s wait for an event recorded on them. Nothing runs.
    ///
    /// `body` must neither allocate nor free nor synchronize: the driver refuses and the capture fails.
    package static func capture(on stream: Stream, _ body: () throws(CUDAError) -> Void) throws(CUDAError) -> Graph {
        assert(stream.context.isCurrent)
        let driver = stream.context.driver
        let mode = Int32(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
        try driver.check(driver.functions.streamBeginCapture(stream.handle, mode), "cuStreamBeginCapture")
        var recorded: CUgraph?
        do throws(CUDAError) {
            try body()
        } catch {
            // The stream is good again once its capture has ended, however it ended.
            _ = driver.functions.streamEndCapture(stream.handle, &recorded)
            if let recorded { _ = driver.functions.graphDestroy(recorded) }
            throw error
        }
        try driver.check(driver.functions.streamEndCapture(stream.handle, &recorded), "cuStreamEndCapture")
        guard let recorded else { preconditionFailure("cuStreamEndCapture succeeded without a graph") }
        defer { _ = driver.functions.graphDestroy(recorded) }
        return try Graph(stream.context, recorded)
    }

    private init(_ context: Context, _ recorded: CUgraph) throws(CUDAError) {
        let driver = context.driver
        var count = 0
        try driver.check(driver.functions.graphGetNodes(recorded, nil, &count), "cuGraphGetNodes")
        var handle: CUgraphExec?
        try driver.check(driver.functions.graphInstantiate(&handle, recorded, 0), "cuGraphInstantiate")
        guard let handle else { preconditionFailure("cuGraphInstantiate succeeded without a graph") }
        self.context = context
        self.handle = handle
        nodeCount = count
    }

    deinit { context.release { $0.graphExecDestroy(handle) } }

    /// Brings the graph to the GPU, so that its first launch is as quick as the others.
    package func upload(on stream: Stream) throws(CUDAError) {
        assert(context.isCurrent)
        try context.driver.check(context.driver.functions.graphUpload(handle, stream.handle), "cuGraphUpload")
    }

    /// Runs everything in it, in the stream's order; returns before it runs.
    package func launch(on stream: Stream) throws(CUDAError) {
        assert(context.isCurrent)
        try context.driver.check(context.driver.functions.graphLaunch(handle, stream.handle), "cuGraphLaunch")
    }
}
