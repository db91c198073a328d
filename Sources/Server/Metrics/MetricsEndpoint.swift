import Adapters
import Frontend
import Hummingbird

/// `/metrics`: everything that is counted, as one page.
struct MetricsEndpoint: Sendable {
    let frontend: Frontend
    let store: AdapterStore
    let errors: ErrorCounts
    let adapterSlots: Int?

    func respond() -> Response {
        Response(text: page(now: Clock.now), contentType: PrometheusText.contentType)
    }

    /// - Parameter now: seconds since 1970.
    func page(now: Double) -> String {
        let engine = frontend.statistics
        var page = PrometheusText()
        page.write(engine)
        page.write(frontend.metrics.snapshot)
        page.write(errors: errors.snapshot)
        page.write(store.statistics)
        let adapters = store.list()
        page.write(adapters)
        page.write(adaptersOf: engine, slots: adapterSlots ?? max(adapters.count, 1), now: now)
        return page.text
    }
}
