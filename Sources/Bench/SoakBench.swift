internal import Adapters
package import ArgumentParser
internal import Backends
internal import Core
internal import Engine
internal import Foundation
internal import JSON
internal import Models
internal import Weights

/// `bench soak`: thousands of mixed requests with loads, evictions and cancellations, and whether all memory comes back.
package struct SoakBench: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract:
            "Mixed requests over more adapters than fit, some cancelled, some refused; then look for what is lost."
    )

    @OptionGroup var device: BenchDevice
    @OptionGroup var report: ReportOptions
    @Option(help: "A shape by name (\(BenchShapes.names.joined(separator: ", "))) or a directory with config.json.")
    var model = "llama-1.1b"
    @Option(help: "Requests in each of two rounds, each on an engine of its own.") var requests = 10_000
    @Option(help: "Requests under way at once.") var concurrent = 200
    @Option(help: "Adapters, of ranks 8, 16, 32 and 64 in turn; many more than fit beside each other.") var adapters =
        48
    @Option(help: "Blocks of 16 tokens that keys, values and adapters share.") var blocks = 2048
    @Option(help: "Of the requests' choices.") var seed: UInt64 = 1

    package init() {}

    package func validate() throws {
        let numbers = [("requests", requests), ("concurrent", concurrent), ("adapters", adapters), ("blocks", blocks)]
        for (name, value) in numbers where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
    }

    package func run() async throws {
        let shape = try BenchShapes.shape(model)
        let leases = try SoakAdapters.make(shape, count: adapters)
        let checkpoint = Checkpoint.dummy(configuration: shape, seed: 1, type: .bfloat16, distinctLayers: 2)
        let output = BenchOutput(report)
        var isClean = true
        var freeBefore: Int?
        for round in 1...2 {
            let engine = try await EngineHandle.start(sizes, model: shape, checkpoint: checkpoint, on: device.choice)
            let start = ContinuousClock.now
            let outcome = try await SoakRun(bench: self, leases: leases, shape: shape).run(on: engine)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let statistics = engine.statistics
            await engine.stop()
            let free = try freeMemory(shape)
            let lost =
                statistics.blockCount - statistics.freeBlocks - statistics.cachedBlocks - statistics.adapterBlocks
            output.print(
                record(round, outcome, statistics, seconds: seconds, lostBlocks: lost, free: free, before: freeBefore)
            )
            isClean = isClean && lost == 0 && outcome.isSound && statistics.running + statistics.waiting == 0
            // The first round loads libraries and kernels, which stay.
            if let freeBefore, let free, free < freeBefore { isClean = false }
            freeBefore = free
        }
        try output.finish()
        guard isClean else { throw ExitCode(1) }
    }

    private var sizes: EngineSizes {
        EngineSizes(
            maxSequences: 32,
            maxBatchedTokens: 512,
            maxWaiting: 2 * concurrent,
            maxSequenceLength: 512,
            blockCount: blocks,
            tpCount: device.tensorParallel
        )
    }

    /// Bytes of device memory that nobody has taken; nil on the CPU.
    private func freeMemory(_ shape: ModelConfiguration) throws -> Int? {
        guard case .cuda(var settings) = device.choice else { return nil }
        settings.memoryUtilization = 1
        return try CUDAMemoryPlan(
            settings,
            shape: shape.shape,
            type: shape.deviceType,
            limits: BatchLimits(tokens: 1, sequences: 1, pages: 1)
        ).budget
    }

    private func record(
        _ round: Int,
        _ outcome: SoakOutcome,
        _ statistics: EngineStatistics,
        seconds: Double,
        lostBlocks: Int,
        free: Int?,
        before: Int?
    ) -> BenchRecord {
        var line = BenchRecord(bench: "soak", backend: device.backend.rawValue)
        line["model"] = .string(model)
        line["round"] = .integer(round)
        line["requests"] = .integer(requests)
        line["complete"] = .integer(outcome.complete)
        line["cancelled"] = .integer(outcome.left)
        line["refused"] = .integer(outcome.refused)
        line["broken"] = .integer(outcome.broken)
        line["preemptions"] = .integer(statistics.preemptions)
        line["adapter_loads"] = .integer(statistics.adapterLoads)
        line["adapter_evictions"] = .integer(statistics.adapterEvictions)
        line["lost_blocks"] = .integer(lostBlocks)
        if let free { line["free_bytes"] = .integer(free) }
        if let free, let before { line["lost_bytes"] = .integer(before - free) }
        line["median"] = .number(Double(statistics.generatedTokens) / seconds)
        line["unit"] = "output tokens/s"
        return line
    }
}

/// How requests ended.
struct SoakOutcome: Sendable {
    var complete = 0
    /// Their reader left on purpose.
    var left = 0
    /// Bad ones, that an engine must not take.
    var refused = 0
    /// Events out of order, after the end, or none at the end; good ones refused, bad ones taken.
    var broken = 0

    var isSound: Bool { broken == 0 && complete > 0 && left > 0 && refused > 0 }
}

private enum SoakAdapters {
    static func make(_ shape: ModelConfiguration, count: Int) throws -> [AdapterLease] {
        let ranks = [8, 16, 32, 64]
        return try (0..<count).map { number in
            let adapter = try LoadedAdapter.dummy(
                model: shape,
                rank: ranks[number % ranks.count],
                seed: UInt64(number + 1),
                projections: number % 3 == 0 ? [.query, .value] : Projection.allCases
            )
            return AdapterLease(name: "adapter-\(number)", adapter: adapter)
        }
    }
}

/// One round of requests.
private struct SoakRun: Sendable {
    let bench: SoakBench
    let leases: [AdapterLease]
    let shape: ModelConfiguration

    enum Ending { case complete, left, refused, broken }

    func run(on engine: EngineHandle) async throws -> SoakOutcome {
        var random = SoakNumbers(state: bench.seed)
        let outcome = await withTaskGroup(of: Ending.self) { group in
            var outcome = SoakOutcome()
            for number in 0..<bench.requests {
                if number >= bench.concurrent, let ending = await group.next() { outcome.count(ending) }
                let (request, isBad, patience) = plan(number, &random)
                group.addTask { await follow(request, isBad: isBad, patience: patience, on: engine) }
            }
            for await ending in group { outcome.count(ending) }
            return outcome
        }
        await engine.drain()
        return outcome
    }

    private func plan(
        _ number: Int,
        _ random: inout SoakNumbers
    ) -> (GenerationRequest, isBad: Bool, patience: Int?) {
        let isBad = Int.random(in: 0..<20, using: &random) == 0
        let length =
            isBad ? [0, 512, 100_000].randomElement(using: &random) ?? 0 : Int.random(in: 1...200, using: &random)
        var sampling = SamplingParameters()
        sampling.temperature = Bool.random(using: &random) ? 0 : 1
        sampling.seed = random.next()
        // A few adapters are popular, most are rare.
        let pick = Int.random(in: -8..<leases.count, using: &random)
        let lease = pick < -4 ? nil : pick < 0 ? leases[pick + 4] : leases[pick]
        let request = GenerationRequest(
            id: RequestID(random.next()),
            prompt: (0..<length).map { _ in TokenID(Int32.random(in: 0..<Int32(shape.vocabularySize), using: &random))
            },
            adapter: lease,
            sampling: sampling,
            stop: StopConditions(maxTokens: Int.random(in: 1...64, using: &random))
        )
        let leaves = Int.random(in: 0..<10, using: &random) == 0
        return (request, isBad, leaves ? Int.random(in: 0...8, using: &random) : nil)
    }

    private func follow(
        _ request: GenerationRequest,
        isBad: Bool,
        patience: Int?,
        on engine: EngineHandle
    ) async -> Ending {
        var (tokens, ends) = (0, 0)
        do throws(EngineError) {
            for await event in try engine.submit(request) {
                guard ends == 0 else { return .broken }
                switch event {
                case .token(let token):
                    guard token.index == tokens else { return .broken }
                    tokens += 1
                    if let patience, tokens > patience { return .left }
                case .finished: ends += 1
                case .failed: return .broken
                }
            }
        } catch {
            return isBad ? .refused : .broken
        }
        return ends == 1 && !isBad ? .complete : .broken
    }
}

extension SoakOutcome {
    fileprivate mutating func count(_ ending: SoakRun.Ending) {
        switch ending {
        case .complete: complete += 1
        case .left: left += 1
        case .refused: refused += 1
        case .broken: broken += 1
        }
    }
}

/// SplitMix64.
private struct SoakNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
