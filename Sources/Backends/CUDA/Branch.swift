internal import CUDA

/// A second stream, for work that runs beside the main one between a fork and a join.
final class Branch {
    let stream: Stream
    private let forked: Event
    private let joined: Event

    init(_ context: Context) throws(CUDAError) {
        stream = try Stream(context, priority: .high)
        forked = try Event(context)
        joined = try Event(context)
    }

    /// Lets the branch begin after what `main` has been given so far.
    func fork(from main: Stream) throws(CUDAError) {
        try forked.record(on: main)
        try stream.wait(forked)
    }

    /// Lets later work of `main` wait for the branch. A launch that overlaps its predecessor must not come next.
    func join(_ main: Stream) throws(CUDAError) {
        try joined.record(on: stream)
        try main.wait(joined)
    }
}
