package import JSON

/// A snapshot as JSON, between processes and to the dashboard's page.
///
///     {"time": 1.5, "model": "…", "unreachableSince": null, "queued": 0, "running": 3, "capacity": 64, "finished": 9,
///      "tokensPerSecond": 80.0, "firstToken": {"p50": …, "p95": …, "p99": …}, "interToken": null,
///      "runners": {"items": […], "more": 0}, "events": {"items": […], "more": 0}}
extension ClusterSnapshot {
    package var json: JSONValue {
        [
            "time": .number(time),
            "model": .string(model),
            "unreachableSince": .orNull(unreachableSince),
            "queued": .integer(queued),
            "running": .integer(running),
            "capacity": .integer(capacity),
            "finished": .integer(finished),
            "tokensPerSecond": .number(tokensPerSecond),
            "firstToken": firstToken?.json ?? .null,
            "interToken": interToken?.json ?? .null,
            "runners": runners.json(\.json),
            "events": events.json(\.json),
        ]
    }

    /// Reads what `json` writes, within the bounds that a maker keeps.
    package init(_ json: JSONValue) throws(ClusterSnapshotError) {
        let fields = try ClusterSnapshotFields(json)
        self.init(time: try fields.number("time"), model: try fields.text("model"))
        unreachableSince = try fields.optionalNumber("unreachableSince")
        queued = try fields.count("queued")
        running = try fields.count("running")
        capacity = try fields.count("capacity")
        finished = try fields.count("finished")
        tokensPerSecond = try fields.number("tokensPerSecond")
        firstToken = try fields.optionalObject("firstToken").map(Latency.init)
        interToken = try fields.optionalObject("interToken").map(Latency.init)
        runners = try fields.list("runners", limit: Self.runnerLimit, Runner.init)
        events = try fields.list("events", limit: Self.eventLimit, Event.init)
    }

    package init(parsing text: [UInt8]) throws(ClusterSnapshotError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text, limits: JSONLimits(maxDepth: 8, maxBytes: Self.byteLimit))
        } catch {
            throw .json(error)
        }
        try self.init(value)
    }

    /// More than any snapshot within its bounds has.
    private static let byteLimit = 8 << 20
}

extension ClusterSnapshotList {
    fileprivate func json(_ item: (Item) -> JSONValue) -> JSONValue {
        ["items": .array(items.map(item)), "more": .integer(omittedCount)]
    }
}

extension ClusterSnapshot.Runner {
    fileprivate var json: JSONValue {
        [
            "id": .string(id),
            "name": .string(name),
            "state": .string(state.rawValue),
            "batch": .integer(batch),
            "maxBatch": .integer(maxBatch),
            "waiting": .integer(waiting),
            "blockCount": .integer(blockCount),
            "freeBlocks": .integer(freeBlocks),
            "cachedBlocks": .integer(cachedBlocks),
            "adapterBlocks": .integer(adapterBlocks),
            "tokensPerSecond": .number(tokensPerSecond),
            "stepSeconds": .number(stepSeconds),
            "adapters": adapters.json(\.json),
        ]
    }

    fileprivate init(_ fields: ClusterSnapshotFields) throws(ClusterSnapshotError) {
        self.init(
            id: try fields.text("id"),
            name: try fields.text("name"),
            state: try fields.word("state"),
            maxBatch: try fields.count("maxBatch")
        )
        batch = try fields.count("batch")
        waiting = try fields.count("waiting")
        blockCount = try fields.count("blockCount")
        freeBlocks = try fields.count("freeBlocks")
        cachedBlocks = try fields.count("cachedBlocks")
        adapterBlocks = try fields.count("adapterBlocks")
        tokensPerSecond = try fields.number("tokensPerSecond")
        stepSeconds = try fields.number("stepSeconds")
        adapters = try fields.list(
            "adapters",
            limit: ClusterSnapshot.adapterLimit,
            ClusterSnapshot.Adapter.init
        )
    }
}

extension ClusterSnapshot.Adapter {
    fileprivate var json: JSONValue {
        [
            "digest": .string(digest),
            "name": .orNull(name),
            "tier": .string(tier.rawValue),
            "requests": .integer(requests),
        ]
    }

    fileprivate init(_ fields: ClusterSnapshotFields) throws(ClusterSnapshotError) {
        self.init(
            digest: try fields.text("digest"),
            name: try fields.optionalText("name"),
            tier: try fields.word("tier"),
            requests: try fields.count("requests")
        )
    }
}

extension ClusterSnapshot.Latency {
    fileprivate var json: JSONValue { ["p50": .number(p50), "p95": .number(p95), "p99": .number(p99)] }

    fileprivate init(_ fields: ClusterSnapshotFields) throws(ClusterSnapshotError) {
        self.init(p50: try fields.number("p50"), p95: try fields.number("p95"), p99: try fields.number("p99"))
    }
}

extension ClusterSnapshot.Event {
    fileprivate var json: JSONValue {
        [
            "time": .number(time),
            "kind": .string(kind.rawValue),
            "runner": .orNull(runner),
            "target": .orNull(target),
            "text": .string(text),
        ]
    }

    fileprivate init(_ fields: ClusterSnapshotFields) throws(ClusterSnapshotError) {
        self.init(
            time: try fields.number("time"),
            kind: try fields.word("kind"),
            runner: try fields.optionalText("runner"),
            target: try fields.optionalText("target"),
            text: try fields.text("text")
        )
    }
}

extension JSONValue {
    fileprivate static func orNull(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
    fileprivate static func orNull(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
