import Cluster
import JSON
import Testing

struct ClusterSnapshotTests {
    @Test func `a snapshot's JSON is this`() {
        var snapshot = ClusterSnapshot(time: 1000.5, model: "base")
        var runner = ClusterSnapshot.Runner(id: "r1", name: "gpu-a", state: .active, maxBatch: 8)
        runner.batch = 3
        runner.tokensPerSecond = 12.5
        runner.adapters = .init([.init(digest: "ab12", name: "pirate", tier: .device, requests: 2)])
        snapshot.show([runner])
        snapshot.interToken = .init(p50: 0.01, p95: 0.02, p99: 0.04)
        snapshot.events = .init(
            [.init(time: 999, kind: .migrated, runner: "r2", target: "r1", text: "one moved")],
            omittedCount: 7
        )
        #expect(
            snapshot.json.encoded() == """
                {"time":1000.5,"model":"base","unreachableSince":null,"queued":0,"running":3,"capacity":8,"finished":0,\
                "tokensPerSecond":12.5,"firstToken":null,"interToken":{"p50":0.01,"p95":0.02,"p99":0.04},\
                "runners":{"items":[{"id":"r1","name":"gpu-a","state":"active","batch":3,"maxBatch":8,"waiting":0,\
                "blockCount":0,"freeBlocks":0,"cachedBlocks":0,"adapterBlocks":0,"tokensPerSecond":12.5,\
                "stepSeconds":0.0,"adapters":{"items":[{"digest":"ab12","name":"pirate","tier":"device","requests":2}],\
                "more":0}}],"more":0},"events":{"items":[{"time":999.0,"kind":"migrated","runner":"r2","target":"r1",\
                "text":"one moved"}],"more":7}}
                """
        )
    }

    @Test func `what is written is read back`() throws {
        for seed in 0..<200 {
            var random = Random(state: UInt64(seed))
            let snapshot = random.snapshot()
            #expect(try ClusterSnapshot(parsing: snapshot.json.encodedBytes()) == snapshot, "seed \(seed)")
        }
    }

    @Test func `sums count runners that are not shown`() {
        let runners = (0..<1000).map { number in
            var runner = ClusterSnapshot.Runner(
                id: "\(number)",
                name: "gpu",
                state: number < 10 ? .draining : .active,
                maxBatch: 32
            )
            runner.batch = 2
            runner.tokensPerSecond = 0.5
            let adapters = (0..<100).map {
                ClusterSnapshot.Adapter(digest: "\($0)", name: nil, tier: .host, requests: 0)
            }
            runner.adapters = .init(adapters)
            return runner
        }
        var snapshot = ClusterSnapshot(time: 0, model: "base")
        snapshot.show(runners)
        #expect(snapshot.running == 2000)
        #expect(snapshot.capacity == 990 * 32)
        #expect(snapshot.tokensPerSecond == 500)
        #expect(snapshot.runners.items.count == ClusterSnapshot.runnerLimit)
        #expect(snapshot.runners.count == 1000)
        #expect(snapshot.runners.items[0].adapters.count == 100)
        let shown = snapshot.runners.items.reduce(0) { $0 + $1.adapters.items.count }
        #expect(shown == ClusterSnapshot.adapterLimit)
        #expect(snapshot.json.encodedBytes().count < 256 << 10)
    }

    @Test func `one runner may show all the adapters there is room for`() {
        var runner = ClusterSnapshot.Runner(id: "r", name: "r", state: .active, maxBatch: 1)
        let adapters = (0..<5000).map { ClusterSnapshot.Adapter(digest: "\($0)", name: nil, tier: .disk, requests: 0) }
        runner.adapters = .init(adapters)
        var snapshot = ClusterSnapshot(time: 0, model: "base")
        snapshot.show([runner])
        #expect(snapshot.runners.items[0].adapters.items.count == ClusterSnapshot.adapterLimit)
        #expect(snapshot.runners.items[0].adapters.omittedCount == 5000 - ClusterSnapshot.adapterLimit)
        snapshot.show([])
        #expect(snapshot.runners.count == 0)
    }

    @Test func `long texts are cut, and say so`() {
        let long = String(repeating: "a\u{301}", count: 150)
        let text = ClusterSnapshot.clamped(long)
        #expect(text.unicodeScalars.count == ClusterSnapshot.textLimit)
        #expect(text.hasSuffix("…"))
        let exact = String(repeating: "x", count: ClusterSnapshot.textLimit)
        #expect(ClusterSnapshot.clamped(exact) == exact)
        #expect(ClusterSnapshot.Event(time: 0, kind: .lost, text: long).text == text)
        #expect(ClusterSnapshot.Adapter(digest: "a", name: long, tier: .host, requests: 0).name == text)
    }

    @Test(arguments: [
        ("time", "null", ClusterSnapshotError.missing(field: "time")),
        ("queued", "-1", .outOfBounds(field: "queued", bound: "0 or more", value: "-1")),
        ("queued", "1.5", .wrongKind(field: "queued", wanted: "a whole number", actual: "number")),
        ("model", "7", .wrongKind(field: "model", wanted: "a string", actual: "number")),
        ("runners", "[]", .wrongKind(field: "runners", wanted: "an object", actual: "array")),
        ("firstToken", #"{"p50": 1}"#, .missing(field: "firstToken.p95")),
        ("events", #"{"items": [{"time": 1}], "more": 0}"#, .missing(field: "events.kind")),
        ("events", #"{"items": [1], "more": 0}"#, .wrongKind(field: "events", wanted: "an object", actual: "number")),
        ("events", #"{"items": []}"#, .missing(field: "events.more")),
    ])
    func `what is wrong is named`(key: String, value: String, error: ClusterSnapshotError) throws {
        var object = ClusterSnapshot(time: 1, model: "base").json.object ?? [:]
        object[key] = try JSONValue(parsing: value)
        #expect(throws: error) { try ClusterSnapshot(.object(object)) }
    }

    @Test func `a list longer than its bound is refused`() {
        let event = ClusterSnapshot.Event(time: 0, kind: .lost, text: "")
        var snapshot = ClusterSnapshot(time: 1, model: "base")
        snapshot.events = .init(Array(repeating: event, count: ClusterSnapshot.eventLimit + 1))
        #expect(
            throws: ClusterSnapshotError.outOfBounds(field: "events", bound: "at most 100 items", value: "101 items")
        ) {
            try ClusterSnapshot(snapshot.json)
        }
    }

    @Test func `text that is no JSON is refused`() {
        #expect(throws: ClusterSnapshotError.json(.unexpectedEnd)) { try ClusterSnapshot(parsing: []) }
        #expect(throws: ClusterSnapshotError.self) { try ClusterSnapshot(parsing: Array(#"{"time":1,"time":2}"#.utf8)) }
    }
}

/// Arbitrary snapshots, the same for the same state.
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func snapshot() -> ClusterSnapshot {
        var snapshot = ClusterSnapshot(time: number(), model: text())
        snapshot.show((0..<count(4)).map { _ in runner() })
        snapshot.unreachableSince = optional { $0.number() }
        snapshot.queued = count(9)
        snapshot.finished = count(9)
        snapshot.firstToken = optional { .init(p50: $0.number(), p95: $0.number(), p99: $0.number()) }
        snapshot.interToken = optional { .init(p50: $0.number(), p95: $0.number(), p99: $0.number()) }
        snapshot.events = .init((0..<count(4)).map { _ in event() }, omittedCount: count(9))
        return snapshot
    }

    private mutating func runner() -> ClusterSnapshot.Runner {
        var runner = ClusterSnapshot.Runner(id: text(), name: text(), state: word(), maxBatch: count(64))
        runner.batch = count(64)
        runner.waiting = count(9)
        runner.blockCount = count(900)
        runner.freeBlocks = count(900)
        runner.cachedBlocks = count(900)
        runner.adapterBlocks = count(900)
        runner.tokensPerSecond = number()
        runner.stepSeconds = number()
        runner.adapters = .init((0..<count(4)).map { _ in adapter() }, omittedCount: count(9))
        return runner
    }

    private mutating func adapter() -> ClusterSnapshot.Adapter {
        .init(digest: text(), name: optional { $0.text() }, tier: word(), requests: count(9))
    }

    private mutating func event() -> ClusterSnapshot.Event {
        .init(
            time: number(),
            kind: word(),
            runner: optional { $0.text() },
            target: optional { $0.text() },
            text: text()
        )
    }

    private mutating func word<Word: CaseIterable>() -> Word {
        guard let word = Word.allCases.randomElement(using: &self) else { preconditionFailure("no words") }
        return word
    }

    private mutating func count(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    private mutating func number() -> Double { Double.random(in: 0..<1e10, using: &self) }

    private mutating func text() -> String {
        let letters = ["a", "</script>", "\"", "\\", "\n", "é", "日", "\u{0}", "🦊", "'"]
        return (0..<count(6)).map { _ in letters.randomElement(using: &self) ?? "" }.joined()
    }

    private mutating func optional<T>(_ make: (inout Random) -> T) -> T? {
        Bool.random(using: &self) ? make(&self) : nil
    }
}
