internal import Cluster

/// A trace served in several ways.
struct Experiment: Sendable {
    /// Another way to serve the same trace, to compare with.
    enum Alternative: String, CaseIterable, Sendable {
        /// Requests stay where they were placed; only memory pressure moves them.
        case withoutConsolidation = "without-consolidation"
        /// Every adapter has GPUs of its own, from a pool without bound, at once and for as long as it is used.
        case dedicated
        /// The other placement policies.
        case policies
    }

    /// One way to serve the trace, and what it came to.
    struct Variant: Sendable {
        let name: String
        let outcome: SimulationOutcome
    }

    var trace: Trace
    var preset: SimulationPreset
    var settings: SimulationSettings

    /// The variant that the settings describe.
    func main() throws(SimulationError) -> Variant {
        Variant(name: settings.policy.name, outcome: try simulate(trace, settings))
    }

    func variants(_ alternative: Alternative) throws(SimulationError) -> [Variant] {
        switch alternative {
        case .withoutConsolidation:
            var settings = settings
            settings.consolidates = false
            return [Variant(name: "\(settings.policy.name), no consolidation", outcome: try simulate(trace, settings))]
        case .dedicated: return [Variant(name: "a GPU per adapter", outcome: try dedicated())]
        case .policies:
            var variants: [Variant] = []
            for policy in PlacementPolicies.all where policy.name != settings.policy.name {
                var settings = settings
                settings.policy = policy
                variants.append(Variant(name: policy.name, outcome: try simulate(trace, settings)))
            }
            return variants
        }
    }

    private func simulate(_ trace: Trace, _ settings: SimulationSettings) throws(SimulationError) -> SimulationOutcome {
        var simulator = try Simulator(SimulatedWorld(trace: trace, preset: preset), settings)
        return simulator.run()
    }

    /// Each adapter's requests on a cluster of their own that starts machines at once and keeps none spare.
    private func dedicated() throws(SimulationError) -> SimulationOutcome {
        var settings = settings
        settings.consolidates = false
        settings.scales = true
        settings.startup = 0
        settings.scaling.minRunners = 0
        settings.scaling.spareRunners = 0
        var total = SimulationOutcome()
        for part in trace.splitByAdapter() {
            settings.gpus = max(1, min(part.requests.count, 2 * self.settings.gpus))
            total.add(try simulate(part, settings))
        }
        return total
    }
}
