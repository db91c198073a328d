/// What a service does at one moment, small enough to be sent once a second however many runners it has.
///
/// One machine is a cluster of one runner. Texts are untrusted: an adapter's name is what a tenant chose.
package struct ClusterSnapshot: Sendable, Equatable {
    /// Seconds since 1970, by the clock of whoever made the snapshot.
    package var time: Double
    /// The base model.
    package var model: String
    /// Since when the scheduler cannot be reached; all else is then the last that was known. Nil while it can.
    package var unreachableSince: Double?
    /// In the order in which the paper's policy fills them: the highest id first.
    package var runners: ClusterSnapshotList<Runner>
    /// Requests that wait for a place.
    package var queued: Int
    /// Requests in a batch, those of omitted runners included.
    package var running: Int
    /// Places in all batches, those of omitted runners included.
    package var capacity: Int
    /// Requests that ended since the maker's start, in whichever way.
    package var finished: Int
    /// Of all runners together, over about the last second.
    package var tokensPerSecond: Double
    /// From a request's arrival to its first token; nil if none came of late.
    package var firstToken: Latency?
    /// Between two tokens of one sequence; nil if none came of late.
    package var interToken: Latency?
    /// The newest last.
    package var events: ClusterSnapshotList<Event>

    /// A service without runners.
    package init(time: Double, model: String) {
        self.time = time
        self.model = Self.clamped(model)
        unreachableSince = nil
        runners = ClusterSnapshotList()
        queued = 0
        running = 0
        capacity = 0
        finished = 0
        tokensPerSecond = 0
        firstToken = nil
        interToken = nil
        events = ClusterSnapshotList()
    }

    /// Takes the runners, highest id first, and sums them into `running`, `capacity` and `tokensPerSecond`.
    ///
    /// Shows the first `runnerLimit` of them and of each no more adapters than leave all together in bounds.
    package mutating func show(_ all: [Runner]) {
        running = all.reduce(0) { $0 + $1.batch }
        capacity = all.reduce(0) { $0 + ($1.state == .active ? $1.maxBatch : 0) }
        tokensPerSecond = all.reduce(0) { $0 + $1.tokensPerSecond }
        let shown = min(all.count, Self.runnerLimit)
        let limit = shown == 0 ? 0 : Self.adapterLimit / shown
        runners = ClusterSnapshotList(all, limit: Self.runnerLimit)
        for index in runners.items.indices { runners.items[index].adapters.limit(to: limit) }
    }
}

extension ClusterSnapshot {
    /// Runners shown one by one.
    package static let runnerLimit = 128
    /// Adapters shown on all runners together.
    package static let adapterLimit = 1024
    package static let eventLimit = 100
    /// Unicode scalars of any text.
    package static let textLimit = 200

    /// A text within `textLimit`; what is cut off is told by an ellipsis.
    package static func clamped(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard scalars.count > textLimit else { return text }
        return String(String.UnicodeScalarView(scalars.prefix(textLimit - 1))) + "…"
    }

    /// One GPU, or one group of GPUs that hold a model together.
    package struct Runner: Sendable, Equatable {
        package enum State: String, Sendable, CaseIterable {
            /// Started, not yet registered.
            case joining
            case active
            /// Takes no new requests; those it has move away or end.
            case draining
            /// Gone without having been drained.
            case lost
        }

        /// Unique and unchanging: what history is kept by.
        package let id: String
        /// What people call it: its machine or address.
        package let name: String
        package var state: State
        /// The working set: sequences in the batch.
        package var batch = 0
        package var maxBatch: Int
        /// Sequences that wait on the runner itself, admitted but preempted or not yet started.
        package var waiting = 0
        package var blockCount = 0
        /// Blocks that hold nothing.
        package var freeBlocks = 0
        /// Blocks that nobody holds but whose content may be used again.
        package var cachedBlocks = 0
        /// Blocks lent to adapters.
        package var adapterBlocks = 0
        package var tokensPerSecond = 0.0
        /// Mean over about the last second; 0 while idle.
        package var stepSeconds = 0.0
        /// Those in use first.
        package var adapters = ClusterSnapshotList<Adapter>()

        package init(id: String, name: String, state: State, maxBatch: Int) {
            self.id = ClusterSnapshot.clamped(id)
            self.name = ClusterSnapshot.clamped(name)
            self.state = state
            self.maxBatch = maxBatch
        }
    }

    /// An adapter on one runner.
    package struct Adapter: Sendable, Equatable {
        package enum Tier: String, Sendable, CaseIterable {
            /// In the memory that the model computes from.
            case device
            /// In the runner's host memory, to be copied when asked for.
            case host
            /// To be read when asked for.
            case disk
        }

        /// `AdapterDigest.short`.
        package let digest: String
        /// A name that this content has; nil where only digests are known.
        package var name: String?
        package var tier: Tier
        /// Requests on this runner that use it; it is held while there are any.
        package var requests: Int

        package init(digest: String, name: String?, tier: Tier, requests: Int) {
            self.digest = ClusterSnapshot.clamped(digest)
            self.name = name.map(ClusterSnapshot.clamped)
            self.tier = tier
            self.requests = requests
        }
    }

    /// Percentiles in seconds.
    package struct Latency: Sendable, Equatable {
        package let p50: Double
        package let p95: Double
        package let p99: Double

        package init(p50: Double, p95: Double, p99: Double) {
            self.p50 = p50
            self.p95 = p95
            self.p99 = p99
        }
    }

    /// Something that happened to requests or runners.
    package struct Event: Sendable, Equatable {
        package enum Kind: String, Sendable, CaseIterable {
            /// A machine was asked for.
            case acquired
            /// An adapter left memory to make room.
            case evicted
            case draining
            case joined
            case lost
            /// A running request moved.
            case migrated
            /// Sequences were put back for lack of memory.
            case preempted
            /// A machine was given back.
            case released
            /// A request went on elsewhere after its runner was lost.
            case resumed
        }

        package let time: Double
        package let kind: Kind
        /// The runner that it happened to, or that a request left: its id.
        package let runner: String?
        /// The runner that a request went to: its id.
        package let target: String?
        /// For people.
        package let text: String

        package init(time: Double, kind: Kind, runner: String? = nil, target: String? = nil, text: String) {
            self.time = time
            self.kind = kind
            self.runner = runner.map(ClusterSnapshot.clamped)
            self.target = target.map(ClusterSnapshot.clamped)
            self.text = ClusterSnapshot.clamped(text)
        }
    }
}
