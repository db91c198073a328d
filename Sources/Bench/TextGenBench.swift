internal import Adapters
package import ArgumentParser
internal import Backends
internal import Core
internal import Engine
internal import Foundation
internal import JSON
internal import Models
internal import Weights

/// `bench textgen`: the whole engine on requests queued at once, as the paper measures text generation (section 7.2).
package struct TextGenBench: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "textgen",
        abstract: "Output tokens a second of requests queued at once, by popularity of adapters."
    )

    @OptionGroup var device: BenchDevice
    @OptionGroup var report: ReportOptions
    @Option(help: "A shape by name (\(BenchShapes.names.joined(separator: ", "))) or a directory with config.json.")
    var model = "llama-2-7b"
    @Option(help: "A JSON file of lengths and adapters. Default: 1000 requests as in the paper.")
    var workload: String?
    @Option(parsing: .upToNextOption, help: "Most sequences running at once.") var running = [32]
    @Option(parsing: .upToNextOption, help: "base, or a popularity of the workload.")
    var popularity = ["base", "identical", "skewed", "distinct"]
    @Option(help: "Different adapters, each used once before the measurement; further numbers share their weights.")
    var adapters = 64
    @Option(help: "Rank of the made-up adapters, on all projections; 1 ... 512.") var rank = 16
    @Option(help: "Most tokens of one step.") var maxBatchedTokens = 1024
    @Option(help: "Requests a second, at random times, instead of all at once; then also how long tokens take.")
    var rate: Double?

    package init() {}

    package func validate() throws {
        for (name, value) in running.map({ ("running", $0) }) + [("adapters", adapters)] where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        guard (1...512).contains(rank) else { throw ValidationError("--rank is \(rank), but must be 1 ... 512") }
        if let rate, !(rate > 0) { throw ValidationError("--rate is \(rate), but must be above 0") }
    }

    package func run() async throws {
        let shape = try BenchShapes.shape(model)
        let work = try workload.map { try TextGenWorkload(file: $0) } ?? TextGenWorkload(paperRequests: 1000, seed: 1)
        let needed = popularity.contains { $0 != "base" }
        let leases = try DummyAdapters.make(shape, rank: rank, count: needed ? adapters : 0).enumerated().map {
            AdapterLease(name: "adapter-\($0.offset)", adapter: $0.element)
        }
        let checkpoint = Checkpoint.dummy(configuration: shape, seed: 1, type: .bfloat16, distinctLayers: 2)
        let output = BenchOutput(report)
        for limit in running {
            let engine = try await start(checkpoint, shape, work, limit: limit)
            if needed { try await TextGenRun.warmUp(leases, shape: shape, engine: engine) }
            for name in popularity {
                let run = try await TextGenRun(
                    work,
                    popularity: name,
                    leases: leases,
                    shape: shape,
                    arrivals: rate.map { work.arrivals(rate: $0) },
                    engine: engine
                )
                output.print(record(run, popularity: name, limit: limit, workload: work))
            }
            await engine.stop()
        }
        try output.finish()
    }

    private func start(
        _ checkpoint: Checkpoint,
        _ shape: ModelConfiguration,
        _ work: TextGenWorkload,
        limit: Int
    ) async throws -> EngineHandle {
        let longest = work.requests.map { $0.promptTokens + $0.outputTokens + 1 }.max() ?? 1
        let sizes = EngineSizes(
            maxSequences: limit,
            maxBatchedTokens: maxBatchedTokens,
            maxWaiting: work.requests.count,
            maxSequenceLength: longest,
            sharesPrefixes: false,
            tpCount: device.tensorParallel
        )
        return try await EngineHandle.start(sizes, model: shape, checkpoint: checkpoint, on: device.choice)
    }

    private func record(_ run: TextGenRun, popularity: String, limit: Int, workload: TextGenWorkload) -> BenchRecord {
        var line = BenchRecord(bench: "textgen", backend: device.backend.rawValue)
        line["model"] = .string(model)
        line["workload"] = .string(workload.name)
        line["batch"] = .integer(limit)
        line["popularity"] = .string(popularity)
        line["rank"] = .integer(rank)
        line["tensor_parallel"] = .integer(device.tensorParallel)
        line["requests"] = .integer(workload.requests.count)
        line["tokens"] = .integer(run.tokens)
        line["seconds"] = .number(run.seconds)
        line["median"] = .number(Double(run.tokens) / run.seconds)
        line["unit"] = "output tokens/s"
        line["steps"] = .integer(run.steps)
        line["preemptions"] = .integer(run.preemptions)
        guard let rate else { return line }
        line["rate"] = .number(rate)
        for (name, times) in [("first_token", run.toFirst), ("next_token", run.between)] {
            line["\(name)_median"] = .number(percentile(times, 0.5))
            line["\(name)_p99"] = .number(percentile(times, 0.99))
        }
        return line
    }
}

/// One pass over a workload.
struct TextGenRun {
    let tokens: Int
    let seconds: Double
    let steps: Int
    let preemptions: Int
    /// Milliseconds from each request to its first token, and between all others.
    let toFirst: [Double]
    let between: [Double]

    /// - Parameter arrivals: seconds after the beginning when each request comes; nil for all at once.
    init(
        _ work: TextGenWorkload,
        popularity: String,
        leases: [AdapterLease],
        shape: ModelConfiguration,
        arrivals: [Double]? = nil,
        engine: EngineHandle
    ) async throws {
        guard let numbers = popularity == "base" ? [] : work.adapters[popularity] else {
            throw BenchError.workload(file: work.name, reason: "it has no popularity '\(popularity)'")
        }
        let before = engine.statistics
        let start = ContinuousClock.now
        let answers = try await withThrowingTaskGroup(of: AnswerTimes.self) { group in
            for (number, request) in work.requests.enumerated() {
                if let arrivals { try await Task.sleep(until: start + .seconds(arrivals[number]), tolerance: .zero) }
                let lease = numbers.isEmpty ? nil : leases[numbers[number] % leases.count]
                let submission = ContinuousClock.now
                let events = try engine.submit(Self.request(number, request, lease, shape))
                group.addTask { try await AnswerTimes(reading: events, since: submission) }
            }
            return try await group.reduce(into: [AnswerTimes]()) { $0.append($1) }
        }
        tokens = answers.reduce(0) { $0 + $1.tokens }
        toFirst = answers.map(\.toFirst)
        between = answers.flatMap(\.between)
        seconds = (ContinuousClock.now - start) / .seconds(1)
        let after = engine.statistics
        steps = after.steps - before.steps
        preemptions = after.preemptions - before.preemptions
    }

    /// Prompts differ from their first token on, so that nothing could be shared.
    private static func request(
        _ number: Int,
        _ lengths: TextGenWorkload.Request,
        _ lease: AdapterLease?,
        _ shape: ModelConfiguration
    ) -> GenerationRequest {
        var sampling = SamplingParameters()
        sampling.temperature = 0
        let prompt = (0..<lengths.promptTokens).map { position in
            TokenID(Int32((number * 7919 + position * 31 + 1) % shape.vocabularySize))
        }
        return GenerationRequest(
            id: RequestID(UInt64.random(in: .min ... .max)),
            prompt: prompt,
            adapter: lease,
            sampling: sampling,
            stop: StopConditions(maxTokens: lengths.outputTokens)
        )
    }

    /// Uses every adapter once, so that what is measured is serving and not the first reading of adapters.
    static func warmUp(_ leases: [AdapterLease], shape: ModelConfiguration, engine: EngineHandle) async throws {
        try await withThrowingTaskGroup(of: AnswerTimes.self) { group in
            for (number, lease) in leases.enumerated() {
                let lengths = TextGenWorkload.Request(promptTokens: 8, outputTokens: 2)
                let events = try engine.submit(request(number, lengths, lease, shape))
                group.addTask { try await AnswerTimes(reading: events, since: .now) }
            }
            try await group.waitForAll()
        }
    }
}
