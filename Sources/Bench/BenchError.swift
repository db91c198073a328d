/// Why a benchmark cannot be run.
enum BenchError: Error, CustomStringConvertible {
    case needsGPU
    case noSlot
    case tooFewLayers(Int, least: Int)
    case workload(file: String, reason: String)

    var description: String {
        switch self {
        case .needsGPU: "it measures a GPU's kernels: --backend cuda"
        case .noSlot: "the device has no slot left for another adapter"
        case .tooFewLayers(let count, let least): "the model has \(count) layers, but must have at least \(least)"
        case .workload(let file, let reason): "\(file) is no workload: \(reason)"
        }
    }
}
