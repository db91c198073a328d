/// Why a benchmark cannot be run, or its report not be drawn.
enum BenchError: Error, CustomStringConvertible {
    case malformed(file: String, line: Int, reason: String)
    case mixed(line: String, field: String, values: [String])
    case needsGPU
    case noneChosen(of: Int)
    case noField(String)
    case noRecords(files: [String])
    case noSlot
    case tooFewLayers(Int, least: Int)
    case unreadable(file: String)
    case unknownShape(String)
    case unwritable(file: String, reason: String)
    case workload(file: String, reason: String)

    var description: String {
        switch self {
        case .malformed(let file, let line, let reason): "\(file), line \(line): \(reason)"
        case .mixed(let line, let field, let values):
            "the records of line \"\(line)\" differ in \(field) (\(values.joined(separator: ", "))): choose with --only, "
                + "or name lines by it"
        case .needsGPU: "it measures a GPU's kernels: --backend cuda"
        case .noRecords(let files): "\(files.joined(separator: ", ")): no record in it"
        case .noneChosen(let count): "none of \(count) records has a batch and what --only asks for"
        case .noField(let field): "no record has the field \(field)"
        case .noSlot: "the device has no slot left for another adapter"
        case .tooFewLayers(let count, let least): "the model has \(count) layers, but must have at least \(least)"
        case .unreadable(let file): "\(file) cannot be read"
        case .unknownShape(let name):
            "\(name) is neither a shape (\(BenchShapes.names.joined(separator: ", "))) nor a directory with config.json"
        case .unwritable(let file, let reason): "\(file) cannot be written: \(reason)"
        case .workload(let file, let reason): "\(file) is no workload: \(reason)"
        }
    }
}
