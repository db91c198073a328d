/// What the scheduler wants done; it counts each as done from when it says so.
package enum ClusterAction: Sendable, Equatable {
    /// Tell the request's frontend to open its stream on the runner.
    case place(ClusterRequestID, on: RunnerID)
    /// Tell the request's frontend to cancel it on the one runner and to resume it on the other.
    case move(ClusterRequestID, from: RunnerID, to: RunnerID)
    /// Tell the request's frontend that no runner that has joined is large enough for it; the scheduler forgets it.
    case refuse(ClusterRequestID)
    /// Tell the runner that it gets no more requests.
    case drain(RunnerID)
    /// Stop the empty runner and give its machine back to the pool; nothing is placed there unless it joins again.
    case release(RunnerID)
    /// Ask the pool for so many machines more.
    case acquire(Int)
}
