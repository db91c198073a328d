package import Core

/// A runner's state as it last told it.
package struct RunnerReport: Sendable, Equatable {
    /// Blocks that nothing is in.
    package var freeBlocks: Int
    /// Blocks that hold something unused, which gives way: cached prefixes, idle adapters.
    package var cachedBlocks: Int
    /// Sequences in the batch.
    package var running: Int
    /// Sequences that the runner holds but does not run, most of all those it preempted.
    package var waiting: Int
    /// Adapters on the device, idle or not; nil if they are those of the report before.
    package var residentAdapters: [AdapterDigest]?
    /// Time of a recent step; nil while there was none.
    package var stepTime: Duration?
    /// Generated tokens of its requests; those not named keep what was known.
    package var requests: [(id: ClusterRequestID, tokens: Int)]

    package init(
        freeBlocks: Int,
        cachedBlocks: Int = 0,
        running: Int,
        waiting: Int = 0,
        residentAdapters: [AdapterDigest]? = nil,
        stepTime: Duration? = nil,
        requests: [(id: ClusterRequestID, tokens: Int)] = []
    ) {
        self.freeBlocks = freeBlocks
        self.cachedBlocks = cachedBlocks
        self.running = running
        self.waiting = waiting
        self.residentAdapters = residentAdapters
        self.stepTime = stepTime
        self.requests = requests
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.freeBlocks == right.freeBlocks && left.cachedBlocks == right.cachedBlocks && left.running == right.running
            && left.waiting == right.waiting && left.residentAdapters == right.residentAdapters
            && left.stepTime == right.stepTime
            && left.requests.elementsEqual(right.requests) { $0.id == $1.id && $0.tokens == $1.tokens }
    }
}
