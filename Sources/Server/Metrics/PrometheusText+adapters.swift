import Adapters
import Engine

extension PrometheusText {
    /// Adapters whose gauges are shown one by one, those with the most hits; the rest are summed as `other`, so that a
    /// thousand tenants do not make a thousand series.
    static let namedAdapters = NamedCounts.limit

    mutating func write(_ store: AdapterStoreStatistics) {
        metric("punica_adapters_registered", .gauge, "Registered names of adapters.", store.nameCount)
        metric("punica_adapters_resident", .gauge, "Adapters in host memory.", store.residentCount)
        metric("punica_adapter_memory_bytes", .gauge, "Host memory that adapters take.", store.residentBytes)
        metric("punica_adapter_memory_budget_bytes", .gauge, "Host memory for adapters.", store.budgetBytes)
        metric("punica_adapter_cache_hits_total", .counter, "Requests whose adapter was in memory.", store.hits)
        metric("punica_adapter_cache_misses_total", .counter, "Requests that waited for a load.", store.misses)
        metric("punica_adapter_loads_total", .counter, "Adapters read from disk.", store.loads)
        metric("punica_adapter_load_failures_total", .counter, "Loads that failed.", store.failedLoads)
        metric("punica_adapter_load_seconds_total", .counter, "Time spent on loads.", [Sample([:], store.loadSeconds)])
        metric("punica_adapter_evictions_total", .counter, "Adapters dropped to make room.", store.evictions)
        write(store.hitsByName)
    }

    /// Not the adapters with the most hits: a counter that comes and goes with its rank would seem to run backwards.
    private mutating func write(_ hits: NamedCounts) {
        var samples = hits.named.sorted { $0.key < $1.key }.map { Sample(["adapter": $0.key], Double($0.value)) }
        if hits.others > 0 { samples.append(Sample(["adapter": NamedCounts.othersName], Double(hits.others))) }
        metric("punica_adapter_hits_total", .counter, "Requests for an adapter in memory.", samples)
    }

    mutating func write(_ adapters: [AdapterDescription]) {
        let ranked = adapters.sorted { ($1.hits, $0.name) < ($0.hits, $1.name) }
        let named = ranked.prefix(Self.namedAdapters)
        let others = ranked.dropFirst(Self.namedAdapters)
        each("punica_adapter_leases", "Requests that hold an adapter.", named, others) { $0.leases }
        each("punica_adapter_bytes", "Memory an adapter takes.", named, others) { $0.byteCount }
        let tiers = named.map { Sample(["adapter": $0.name, "tier": $0.tier.rawValue], 1) }
        metric("punica_adapter_tier", .gauge, "Where an adapter is: always 1.", tiers)
        let loads = named.map { Sample(["adapter": $0.name], $0.loadSeconds) }
        metric("punica_adapter_load_seconds", .gauge, "Time of an adapter's last load.", loads)
    }

    /// What inference gateways read to send a request where its adapter is.
    ///
    /// The value is the time, in seconds.
    ///
    /// - Parameter slots: adapters that can be served at once.
    mutating func write(adaptersOf engine: EngineStatistics, slots: Int, now: Double) {
        let sample = Sample(
            [
                "max_lora": "\(slots)",
                "running_lora_adapters": engine.runningAdapters.joined(separator: ","),
                "waiting_lora_adapters": engine.waitingAdapters.joined(separator: ","),
            ],
            now
        )
        let help = "Adapters with running and with waiting requests; the value is the time."
        metric("vllm:lora_requests_info", .gauge, help, [sample])
        metric("punica_lora_requests_info", .gauge, help, [sample])
    }

    private mutating func each(
        _ name: String,
        _ help: String,
        _ named: ArraySlice<AdapterDescription>,
        _ others: ArraySlice<AdapterDescription>,
        _ value: (AdapterDescription) -> Int
    ) {
        // An adapter may be called what the sum of the others is called; a series must not come twice.
        let shown = named.filter { $0.name != NamedCounts.othersName }
        let rest = others + named.filter { $0.name == NamedCounts.othersName }
        var samples = shown.map { Sample(["adapter": $0.name], Double(value($0))) }
        if !rest.isEmpty {
            samples.append(Sample(["adapter": NamedCounts.othersName], Double(rest.reduce(0) { $0 + value($1) })))
        }
        metric(name, .gauge, help, samples)
    }
}
