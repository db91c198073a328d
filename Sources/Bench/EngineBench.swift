internal import Adapters
package import ArgumentParser
internal import Core
internal import Engine
internal import Foundation
internal import JSON
internal import Models
internal import Weights

/// `bench engine`: the engine driven without a server.
///
/// On the CPU: the same requests for different adapters together, one by one, for one adapter and for the bare base.
/// With `--backend echo`: what a step costs outside the forward pass.
package struct EngineBench: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "engine",
        abstract: "Tokens per second by popularity of adapters, or the engine's own cost of a step."
    )

    enum Device: String, ExpressibleByArgument, CaseIterable, Sendable { case cpu, echo }

    @OptionGroup var report: ReportOptions
    @Option(help: "cpu, or echo for a model that costs nothing.") var backend = Device.cpu
    @Option(help: "A directory with config.json; its weights are made up. Default: a 1.1 B Llama shape.")
    var model: String?
    @Option(help: "Requests at once. Default: 8 on the CPU, 256 for echo.") var requests: Int?
    @Option(help: "Rank of the made-up adapters, on all projections; 1 ... 512.") var rank = 16
    @Option(help: "Prompt tokens of each request.") var promptTokens = 16
    @Option(help: "Tokens generated for each request. Default: 128 on the CPU, 512 for echo.") var outputTokens: Int?
    @Option(help: "Threads of the CPU backend. Default: all cores.") var threads: Int?
    @Option(help: "Runs of each kind; medians compare them.") var repeats = 3

    package init() {}

    package func validate() throws {
        for (name, value) in [
            ("requests", requests ?? 1), ("prompt-tokens", promptTokens), ("output-tokens", outputTokens ?? 1),
            ("threads", threads ?? 1), ("repeats", repeats),
        ] where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        guard (1...512).contains(rank) else { throw ValidationError("--rank is \(rank), but must be 1 ... 512") }
    }

    package func run() async throws {
        let output = BenchOutput(report)
        switch backend {
        case .cpu: try await runOnCPU(output)
        case .echo: try await runEcho(output)
        }
        try output.finish()
    }

    private func runOnCPU(_ output: BenchOutput) async throws {
        let shape = try model.map(readConfiguration) ?? BenchModel.tinyLlama
        let count = requests ?? 8
        let workload = EngineWorkload(
            shape: shape,
            requests: count,
            promptTokens: promptTokens,
            outputTokens: outputTokens ?? 128
        )
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        let engine = try await BenchModel.startCPU(shape, workload: workload, threads: threads)
        let adapters = try (0..<count).map { number in
            AdapterLease(
                name: "adapter-\(number)",
                adapter: try LoadedAdapter.dummy(model: shape, rank: rank, seed: UInt64(number + 1))
            )
        }
        var rates: [Popularity: [Double]] = [:]
        for _ in 0..<repeats {
            for popularity in Popularity.allCases {
                let run = try await workload.run(popularity, adapters: adapters, on: engine)
                rates[popularity, default: []].append(run.tokensPerSecond)
                output.print(record(run, popularity: popularity, threads: threads))
            }
        }
        await engine.stop()
        output.print(summary(rates))
    }

    private func record(_ run: EngineRun, popularity: Popularity, threads: Int) -> BenchRecord {
        var line = BenchRecord(bench: "engine", backend: "cpu")
        line["model"] = .string(model ?? "llama-1.1b")
        line["popularity"] = .string(popularity.rawValue)
        line["batch"] = .integer(requests ?? 8)
        line["rank"] = .integer(rank)
        line["threads"] = .integer(threads)
        line["prompt_tokens"] = .integer(promptTokens)
        line["output_tokens"] = .integer(outputTokens ?? 128)
        line["seconds"] = .number(run.seconds)
        line["tokens_per_second"] = .number(run.tokensPerSecond)
        return line
    }

    /// The ratios that say whether batching across adapters pays.
    private func summary(_ rates: [Popularity: [Double]]) -> BenchRecord {
        let (distinct, serial) = (median(rates[.distinct] ?? []), median(rates[.serial] ?? []))
        var line = BenchRecord(bench: "engine-summary", backend: "cpu")
        for popularity in Popularity.allCases {
            line["\(popularity.rawValue)_tokens_per_second"] = .number(median(rates[popularity] ?? []))
        }
        line["distinct_over_serial"] = .number(distinct / serial)
        line["distinct_over_identical"] = .number(distinct / median(rates[.identical] ?? []))
        line["distinct_over_base"] = .number(distinct / median(rates[.base] ?? []))
        return line
    }

    private func runEcho(_ output: BenchOutput) async throws {
        let count = requests ?? 256
        let shape = BenchModel.tinyLlama
        let workload = EngineWorkload(
            shape: shape,
            requests: count,
            promptTokens: promptTokens,
            outputTokens: outputTokens ?? 512
        )
        for _ in 0..<repeats {
            let engine = try await BenchModel.startEcho(shape, workload: workload)
            let run = try await workload.run(.base, adapters: [], on: engine)
            await engine.stop()
            let overhead = engine.statistics.overheadSeconds
            var line = BenchRecord(bench: "engine", backend: "echo")
            line["batch"] = .integer(count)
            line["output_tokens"] = .integer(outputTokens ?? 512)
            line["steps"] = .integer(overhead.count)
            line["tokens_per_second"] = .number(run.tokensPerSecond)
            line["overhead_mean_us"] = .number(overhead.sum / Double(max(overhead.count, 1)) * 1e6)
            line["overhead_p95_below_us"] = .number(overhead.upperBound(ofShare: 0.95) * 1e6)
            line["unit"] = "µs outside the forward pass, per step"
            output.print(line)
        }
    }

    private func readConfiguration(_ directory: String) throws -> ModelConfiguration {
        let data = try Data(contentsOf: URL(filePath: directory).appending(path: "config.json"))
        return try ModelConfiguration(parsing: Array(data), generation: nil)
    }
}
