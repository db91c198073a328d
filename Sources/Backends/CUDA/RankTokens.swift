internal import CUDA

/// The tokens that the first rank of a split model chooses, as all ranks know them.
///
/// A rank's step may begin before the first has chosen the tokens of the one before: its GPU waits for them and reads
/// them from the first's memory. Two events do, by turns: every rank has issued a step, and with it the wait for the
/// step before, before the first issues the next.
final class RankTokens: Sendable {
    private let context: Context
    private let address: UInt64
    private let chosen: [Event]

    /// - Parameter address: where a step's tokens are on this GPU.
    init(_ context: Context, address: UInt64) throws(CUDAError) {
        self.context = context
        self.address = address
        chosen = [try Event(context), try Event(context)]
    }

    /// Marks the end of a step's choosing, on the first rank's stream.
    ///
    /// - Parameter step: the step's number.
    func note(step: Int32, on stream: Stream) throws(CUDAError) { try event(of: step).record(on: stream) }

    /// Lets later work of another rank's stream wait until a step's tokens are there, if it chose any.
    ///
    /// - Returns: where they are; nil on the first rank itself.
    func wait(forStep step: Int32, on stream: Stream) throws(CUDAError) -> UInt64? {
        if stream.context === context { return nil }
        try stream.wait(event(of: step))
        return address
    }

    private func event(of step: Int32) -> Event { chosen[Int(step & 1)] }
}
