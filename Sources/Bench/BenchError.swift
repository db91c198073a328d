/// Why a benchmark cannot be run.
enum BenchError: Error, CustomStringConvertible {
    case noSlot
    case workload(file: String, reason: String)

    var description: String {
        switch self {
        case .noSlot: "the device has no slot left for another adapter"
        case .workload(let file, let reason): "\(file) is no workload: \(reason)"
        }
    }
}
