import Adapters
import Engine
import Glibc
import HTTPTypes
import Testing

@testable import Server

struct MetricsTests {
    @Test func `text is escaped and numbers are plain`() {
        var page = PrometheusText()
        page.metric("a_total", .counter, "one\ntwo \\", [.init(["x": "q\"b\\s\nn"], 1.5), .init([:], 2)])
        #expect(
            page.text == #"""
                # HELP a_total one\ntwo \\
                # TYPE a_total counter
                a_total{x="q\"b\\s\nn"} 1.5
                a_total 2

                """#
        )
    }

    @Test func `a histogram's buckets accumulate`() {
        var histogram = Histogram(bounds: [0.5, 1])
        for value in [0.1, 0.5, 0.75, 3] { histogram.observe(value) }
        var page = PrometheusText()
        page.histogram("h", "help", histogram)
        #expect(
            page.text == """
                # HELP h help
                # TYPE h histogram
                h_bucket{le="0.5"} 2
                h_bucket{le="1"} 3
                h_bucket{le="+Inf"} 4
                h_sum 4.35
                h_count 4

                """
        )
    }

    @Test func `what gateways read names running and waiting adapters`() {
        var engine = EngineStatistics()
        engine.runningAdapters = ["a", "b"]
        engine.waitingAdapters = ["c"]
        var page = PrometheusText()
        page.write(adaptersOf: engine, slots: 8, now: 1_700_000_000.25)
        let labels = #"{max_lora="8",running_lora_adapters="a,b",waiting_lora_adapters="c"} 1700000000.25"#
        #expect(page.text.contains("\nvllm:lora_requests_info\(labels)\n"))
        #expect(page.text.contains("\npunica_lora_requests_info\(labels)\n"))
    }

    @Test func `many adapters make few series, and their counters neither shrink nor vanish`() async throws {
        let store = try AdapterStore(budgetBytes: 1 << 20) { TestServer.adapter(in: $0) }
        let root = "/tmp/punica-metrics-\(getpid())"
        mkdir(root, 0o700)
        defer { rmdir(root) }
        var before: [String: Double] = [:]
        for number in 0..<120 {
            let directory = "\(root)/\(number)"
            mkdir(directory, 0o700)
            defer { rmdir(directory) }
            _ = try await store.register(name: "adapter-\(number)", directory: directory)
            // Later ones overtake earlier ones, and some are gone or replaced by then.
            for _ in 0...number { _ = try await store.lease(name: "adapter-\(number)") }
            if number % 3 == 0 { try store.unregister(name: "adapter-\(number)") }
            if number % 3 == 1 {
                _ = try await store.register(name: "adapter-\(number)", directory: root, replacing: .always)
            }
            let now = hits(store)
            for (series, value) in before { #expect(now[series] ?? -1 >= value, "\(series)") }
            before = now
        }
        #expect(before.count == 101)
        #expect(before[#"{adapter="adapter-99"}"#] == 100)
        #expect(before[#"{adapter="other"}"#] == Double((101...120).reduce(0, +)))
        #expect(before.values.reduce(0, +) == Double(store.statistics.hits))
    }

    @Test func `an adapter called as the sum of the others shares its series`() async throws {
        let server = try TestServer()
        for number in 0..<120 {
            let body = #"{"name":"\#(number == 60 ? "other" : "a\(number)")","path":"/tmp"}"#
            #expect(try await server.send(.post, "/admin/adapters", body: body).status == 201)
        }
        let page = try await server.send(.get, "/metrics").text
        let series = page.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ")[0] }
        #expect(Set(series).count == series.count)
    }

    /// The hits of each series of the page.
    private func hits(_ store: AdapterStore) -> [String: Double] {
        var page = PrometheusText()
        page.write(store.statistics)
        let name = "punica_adapter_hits_total"
        let lines = page.text.split(separator: "\n").filter { $0.hasPrefix(name + "{") }
        return Dictionary(
            lines.compactMap { line in
                let parts = line.dropFirst(name.count).split(separator: " ")
                return Double(parts[1]).map { (String(parts[0]), $0) }
            },
            uniquingKeysWith: { _, _ in .nan }
        )
    }

    @Test func `the page is well formed and counts what happened`() async throws {
        let server = try TestServer()
        let body = #"{"model":"base","prompt":"x"}"#
        _ = try await server.send(.post, "/v1/completions", body: body)
        _ = try await server.send(.post, "/v1/completions", body: "{")
        _ = try await server.send(.get, "/nowhere")
        let page = try await server.send(.get, "/metrics")
        #expect(page.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        let lines = page.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.last == "")
        var announced: [String] = []
        for line in lines.dropLast() {
            if line.hasPrefix("# TYPE ") {
                announced.append(String(line.split(separator: " ")[2]))
            } else if !line.hasPrefix("# HELP ") {
                let name = line.prefix { $0 != "{" && $0 != " " }
                #expect(announced.last.map { name.hasPrefix($0) } == true, "\(line)")
                #expect(line.split(separator: " ").last.flatMap { Double($0) } != nil, "\(line)")
            }
        }
        #expect(Set(announced).count == announced.count)
        #expect(lines.contains("punica_generation_tokens_total 5"))
        #expect(lines.contains("punica_time_to_first_token_seconds_count 1"))
        #expect(lines.contains(#"punica_requests_finished_total{finished_reason="length"} 1"#))
        #expect(lines.contains(#"punica_request_errors_total{code="invalid_json"} 1"#))
        #expect(lines.contains(#"punica_request_errors_total{code="not_found"} 1"#))
        #expect(lines.contains("punica_adapters_registered 0"))
    }
}
