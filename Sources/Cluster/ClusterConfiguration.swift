/// How a cluster is run.
package struct ClusterConfiguration: Sendable {
    package var policy: any PlacementPolicy
    package var consolidation: Consolidation?
    package var scaling: Scaling?
    /// How long a request keeps away from the runner that it was submitted to avoid.
    package var avoidance: Duration
    /// Most voluntary moves of one request in its life, for consolidation and for memory; drains do not count.
    package var maxMoves: Int

    package init(
        policy: any PlacementPolicy = PaperPolicy(),
        consolidation: Consolidation? = Consolidation(),
        scaling: Scaling? = nil,
        avoidance: Duration = .seconds(5),
        maxMoves: Int = 2
    ) {
        self.policy = policy
        self.consolidation = consolidation
        self.scaling = scaling
        self.avoidance = avoidance
        self.maxMoves = maxMoves
    }

    /// How running requests are gathered on fewer runners; the paper says only that they are (docs/simulation.md).
    package struct Consolidation: Sendable, Equatable {
        /// Between two passes.
        package var period: Duration
        /// A runner must have got no request for so long before it is emptied: while load rises nothing moves.
        package var settling: Duration
        /// A move must gain this many times what it costs.
        package var hysteresis: Double
        package var cost: ResumeCost

        package init(
            period: Duration = .seconds(5),
            settling: Duration = .seconds(2),
            hysteresis: Double = 4,
            cost: ResumeCost = ResumeCost()
        ) {
            self.period = period
            self.settling = settling
            self.hysteresis = hysteresis
            self.cost = cost
        }
    }

    /// When machines are asked for and given back.
    package struct Scaling: Sendable, Equatable {
        package var minRunners: Int
        package var maxRunners: Int
        /// Lightly loaded runners to have in hand; with fewer, machines are asked for.
        package var spareRunners: Int
        /// A runner is lightly loaded up to this share of its largest batch.
        package var lightShare: Double
        /// A runner must be idle for so long before it is given back.
        package var grace: Duration
        /// A machine that has not joined for so long after it was asked for is no longer counted on.
        package var patience: Duration
        /// No machine is asked for or given back before: runners that served an earlier scheduler are to come back first.
        package var start: Duration

        package init(
            minRunners: Int = 1,
            maxRunners: Int,
            spareRunners: Int = 1,
            lightShare: Double = 0.5,
            grace: Duration = .seconds(60),
            patience: Duration = .seconds(600),
            start: Duration = .zero
        ) {
            self.minRunners = minRunners
            self.maxRunners = maxRunners
            self.spareRunners = spareRunners
            self.lightShare = lightShare
            self.grace = grace
            self.patience = patience
            self.start = start
        }
    }
}

/// What it costs to go on elsewhere: the prefill of everything known, and the adapter's load where it is missing.
package struct ResumeCost: Sendable, Equatable {
    /// Tokens a second that a runner prefills.
    package var prefillRate: Double
    /// Bytes a second at which an adapter comes to a device.
    package var loadRate: Double
    /// What every move costs besides: messages, and the token of the step in flight.
    package var fixed: Duration

    package init(prefillRate: Double = 8000, loadRate: Double = 10e9, fixed: Duration = .milliseconds(50)) {
        self.prefillRate = prefillRate
        self.loadRate = loadRate
        self.fixed = fixed
    }

    func seconds(_ request: PlacementRequest, isAdapterResident: Bool) -> Double {
        let load = isAdapterResident ? 0 : Double(request.adapterBytes) / loadRate
        return fixed / .seconds(1) + Double(request.tokens) / prefillRate + load
    }
}
