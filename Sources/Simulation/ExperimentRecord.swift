internal import Cluster
internal import JSON

/// An experiment's results as JSON; the same experiment gives the same bytes.
struct ExperimentRecord {
    let experiment: Experiment
    let variants: [Experiment.Variant]
    /// What made the trace: seed, popularity, file.
    let workload: JSONObject

    /// GPUs up to which every one's batch is written.
    static let shownGPUs = 64

    var json: JSONValue {
        var settings = JSONObject()
        settings["gpus"] = .integer(experiment.settings.gpus)
        settings["policy"] = .string(experiment.settings.policy.name)
        settings["preset"] = .string(experiment.preset.name)
        settings["max_batch"] = .integer(experiment.preset.maxBatch)
        settings["elastic"] = .bool(experiment.settings.scales)
        settings["startup_s"] = .number(experiment.settings.startup)
        return .object([
            "workload": .object(workload), "settings": .object(settings),
            "variants": .array(variants.map { .object(summary($0)) }),
            "series": variants.first.map { .object(series($0.outcome)) } ?? .null,
        ])
    }

    /// One variant's figures.
    func summary(_ variant: Experiment.Variant) -> JSONObject {
        let outcome = variant.outcome
        var object = JSONObject()
        object["name"] = .string(variant.name)
        object["requests"] = .integer(outcome.requests)
        object["output_tokens"] = .integer(outcome.outputTokens)
        object["simulated_s"] = rounded(outcome.seconds)
        object["gpu_hours_held"] = rounded(outcome.heldHours)
        object["gpu_hours_busy"] = rounded(outcome.busyHours)
        object["most_gpus_held"] = .integer(outcome.peakHeld)
        object["first_token_s"] = percentiles(outcome.firstToken)
        object["latency_s"] = percentiles(outcome.latency)
        object["per_token_s"] = percentiles(outcome.perToken)
        object["moves"] = .integer(outcome.moves)
        object["moved_requests"] = .integer(outcome.movedRequests)
        object["most_moves_of_a_request"] = .integer(outcome.mostMoves)
        if !outcome.gaps.isEmpty { object["gap_at_a_move_s"] = percentiles(outcome.gaps) }
        if !outcome.samples.isEmpty {
            let occupancy = outcome.occupancy(maxBatch: experiment.preset.maxBatch)
            object["busy_gpus_mean_batch"] = rounded(occupancy.meanBatch)
            object["busy_gpus_full_share"] = rounded(occupancy.fullShare)
        }
        return object
    }

    private func percentiles(_ values: [Double]) -> JSONValue {
        let sorted = values.sorted()
        return .object([
            "p50": rounded(percentile(sorted: sorted, 0.5)), "p90": rounded(percentile(sorted: sorted, 0.9)),
            "p99": rounded(percentile(sorted: sorted, 0.99)), "max": rounded(sorted.last ?? .nan),
        ])
    }

    private func series(_ outcome: SimulationOutcome) -> JSONObject {
        var object = JSONObject()
        object["seconds"] = .array(outcome.samples.map { .integer(Int($0.seconds)) })
        object["waiting"] = .array(outcome.samples.map { .integer($0.waiting) })
        object["held"] = .array(outcome.samples.map { .integer($0.held) })
        object["busy"] = .array(outcome.samples.map { .integer($0.busy) })
        guard experiment.settings.gpus <= Self.shownGPUs else { return object }
        object["batches"] = .array(
            outcome.samples.map { .array($0.batches.map { .integer(Int($0)) }) }
        )
        return object
    }

    /// Four significant digits after the point are more than the model is worth.
    private func rounded(_ value: Double) -> JSONValue {
        value.isFinite ? .number((value * 10000).rounded() / 10000) : .null
    }
}
