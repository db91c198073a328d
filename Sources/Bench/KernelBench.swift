internal import Adapters
package import ArgumentParser
internal import Backends
internal import Core
internal import JSON
internal import Models
internal import Weights

/// `bench kernels`: single operations of a decode step on a GPU, with the floor that memory sets beside each.
///
/// An operation is issued once for each layer, each layer with weights, keys and adapters of its own, recorded and
/// replayed: what is measured reads memory and not the cache, and costs no launch from the host.
package struct KernelBench: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Time single operations of a decode step on a GPU, by batch, popularity and rank."
    )

    @OptionGroup var device: BenchDevice
    @OptionGroup var report: ReportOptions
    @Option(help: "A shape by name (\(BenchShapes.names.joined(separator: ", "))) or a directory with config.json.")
    var model = "llama-2-7b"
    @Option(parsing: .upToNextOption, help: "Rows, one a sequence.") var batch = [1, 8, 32, 64]
    @Option(parsing: .upToNextOption, help: "distinct, uniform, skewed, identical.")
    var popularity = KernelPopularity.allCases
    @Option(parsing: .upToNextOption, help: "Ranks of the made-up adapters; 1 ... 512.") var rank = [16]
    @Option(parsing: .upToNextOption, help: "operator, updates, attention, products, rows.")
    var kernels = KernelGroup.allCases
    @Option(help: "Tokens of each sequence, for attention.") var context = 512
    @Option(help: "Measured replays.") var replays = 20
    @Option(help: "Bytes a second that the device reads at best, for the floor; in TB/s.") var bandwidth = 3.08

    package init() {}

    package func validate() throws {
        let numbers = [("context", context), ("replays", replays)] + batch.map { ("batch", $0) }
        for (name, value) in numbers where value < 1 {
            throw ValidationError("--\(name) is \(value), but must be at least 1")
        }
        for rank in rank where !(1...512).contains(rank) {
            throw ValidationError("--rank is \(rank), but must be 1 ... 512")
        }
    }

    package func run() throws {
        guard case .cuda(let settings) = device.choice else { throw BenchError.needsGPU }
        let shape = try BenchShapes.shape(model)
        let output = BenchOutput(report)
        for rank in rank {
            // The paper's operator changes one product; the rest changes all seven.
            if kernels.contains(.operator) {
                try measure(shape, settings, rank: rank, only: [.gate], [.operator], output)
            }
            let others = kernels.filter { $0 != .operator && ($0 == .updates || rank == self.rank.first) }
            if !others.isEmpty { try measure(shape, settings, rank: rank, only: Projection.allCases, others, output) }
        }
        try output.finish()
    }

    private func measure(
        _ shape: ModelConfiguration,
        _ settings: CUDASettings,
        rank: Int,
        only projections: [Projection],
        _ groups: [KernelGroup],
        _ output: BenchOutput
    ) throws {
        var subject = try KernelSubject(self, shape, settings, rank: rank, projections: projections, groups)
        for batch in batch {
            for group in groups {
                let popularities = group.usesAdapters ? popularity : [.identical]
                for popularity in popularities {
                    for timing in try subject.time(group, batch: batch, popularity: popularity) {
                        let used = group.usesAdapters ? popularity : nil
                        output.print(record(timing, group, batch: batch, popularity: used, rank: rank))
                    }
                }
            }
        }
    }

    private func record(
        _ timing: KernelTiming,
        _ group: KernelGroup,
        batch: Int,
        popularity: KernelPopularity?,
        rank: Int
    ) -> BenchRecord {
        var line = BenchRecord(bench: "kernels", backend: "cuda")
        line["model"] = .string(model)
        line["kernel"] = .string(timing.name)
        line["batch"] = .integer(batch)
        line["popularity"] = .string(popularity?.rawValue ?? "base")
        if group.usesAdapters { line["rank"] = .integer(rank) }
        if group == .attention { line["context"] = .integer(context) }
        line["bytes"] = .integer(Int(timing.bytes))
        let floor = timing.bytes / (bandwidth * 1e6)
        line.add(timing.microseconds, unit: "us", floor: floor)
        line["bandwidth_share"] = .number(floor / median(timing.microseconds))
        return line
    }
}

/// How many adapters a batch's rows have between them (Punica section 7).
enum KernelPopularity: String, CaseIterable, Sendable, ExpressibleByArgument {
    case distinct, uniform, skewed, identical

    /// The adapter of each row, those of one side by side.
    func adapters(rows: Int) -> [Int] {
        switch self {
        case .distinct: return Array(0..<rows)
        case .identical: return Array(repeating: 0, count: rows)
        case .uniform:
            let count = Int(Double(rows).squareRoot().rounded(.up))
            return (0..<rows).map { $0 * count / rows }
        case .skewed: return skewed(rows: rows)
        }
    }

    /// Each adapter has 1.5 times the rows of the next: 1, 1, 2, 3, 5, … and the rest in one more.
    private func skewed(rows: Int) -> [Int] {
        var (sizes, size, left) = ([Int](), 1.0, rows)
        while left > 0 {
            let take = min(Int(size.rounded()), left)
            sizes.append(take)
            (left, size) = (left - take, size * 1.5)
        }
        return sizes.reversed().enumerated().flatMap { Array(repeating: $0.offset, count: $0.element) }
    }
}

/// What is measured together.
enum KernelGroup: String, CaseIterable, Sendable, ExpressibleByArgument {
    /// One low-rank update, hidden → rank → feed-forward.
    case `operator`
    /// All low-rank updates of a layer, and each group of them.
    case updates
    case attention
    /// The dense products of a layer.
    case products
    /// Norm, rotation and gate.
    case rows

    var usesAdapters: Bool { self == .operator || self == .updates }
}

/// One operation's times, per layer.
struct KernelTiming {
    let name: String
    let microseconds: [Double]
    /// That the operation must read and write.
    let bytes: Double
}
