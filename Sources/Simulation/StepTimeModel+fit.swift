internal import Foundation
internal import JSON

/// Fitting the model to what `punica-bench` measured.
extension StepTimeModel {
    /// One measured step.
    struct Measurement: Sendable, Equatable {
        var load: Load
        var seconds: Double
    }

    /// Reads the decode records of JSON-lines files and fits base, context and adapters by least squares; what a
    /// prefilled token adds is the mean of the mixed records, those with adapters if there are any.
    ///
    /// The share of a sequence as such can be told from that of its context only where contexts differ; it is taken to be
    /// nothing.
    static func fitting(files: [String], model: String) throws(SimulationError) -> StepTimeModel {
        var decodes: [Measurement] = []
        var prefills: [(perToken: Double, hasAdapters: Bool)] = []
        for file in files {
            for record in try records(file) where record["model"]?.string == model {
                switch record["bench"]?.string {
                case "decode": decodes.append(try decode(record, file: file))
                case "mixed": prefills.append(try mixed(record, file: file))
                default: break
                }
            }
        }
        guard !prefills.isEmpty else {
            throw .records("no record of 'punica-bench mixed' for \(model): prefill is unknown")
        }
        var fitted = try fitting(decodes)
        let chosen = prefills.contains(where: \.hasAdapters) ? prefills.filter(\.hasAdapters) : prefills
        fitted.perPrefillToken = chosen.reduce(0) { $0 + $1.perToken } / Double(chosen.count)
        return fitted
    }

    static func fitting(_ decodes: [Measurement]) throws(SimulationError) -> StepTimeModel {
        let rows = decodes.map { sample in
            let rank = Double(sample.load.rankSum)
            return (
                features: [1, Double(sample.load.contextTokens), rank > 0 ? 1 : 0, rank / 16], value: sample.seconds
            )
        }
        guard let solution = LeastSquares.solve(rows, columns: 4), solution[0] > 0, solution[1] >= 0 else {
            throw .records(
                "\(decodes.count) decode records do not determine a step's time; measure several batch sizes"
            )
        }
        return StepTimeModel(
            base: solution[0],
            perContextToken: solution[1],
            perPrefillToken: 0,
            anyAdapter: solution[2],
            perAdapter: solution[3]
        )
    }

    private static func records(_ file: String) throws(SimulationError) -> [JSONValue] {
        guard let data = FileManager.default.contents(atPath: file) else { throw .unreadable(file: file) }
        var records: [JSONValue] = []
        for (number, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            do {
                records.append(try JSONValue(parsing: Array(line)))
            } catch {
                throw .malformed(file: file, line: number + 1, reason: "\(error)")
            }
        }
        return records
    }

    private static func decode(_ record: JSONValue, file: String) throws(SimulationError) -> Measurement {
        guard let batch = record["batch"]?.int, let context = record["context"]?.int, let rank = record["rank"]?.int,
            let median = record["median"]?.double, let popularity = record["popularity"]?.string
        else { throw .records("\(file): a decode record lacks batch, context, rank, median or popularity") }
        let adapters = popularity == "base" ? 0 : popularity == "identical" ? 1 : batch
        let load = Load(batch: batch, contextTokens: batch * context, rankSum: adapters * rank)
        return Measurement(load: load, seconds: median / 1000)
    }

    private static func mixed(
        _ record: JSONValue,
        file: String
    ) throws(SimulationError) -> (perToken: Double, hasAdapters: Bool) {
        guard let tokens = record["tokens"]?.int, tokens > 0, let added = record["median"]?.double else {
            throw .records("\(file): a mixed record lacks tokens or median")
        }
        return (added / 1000 / Double(tokens), record["popularity"]?.string != "base")
    }
}

/// Linear least squares by the normal equations; columns are scaled first, so that seconds and tokens mix.
enum LeastSquares {
    /// A column without information (all zero, or a combination of those before it) gets 0; nil if there are too few rows.
    static func solve(_ rows: [(features: [Double], value: Double)], columns: Int) -> [Double]? {
        guard rows.count >= 2 else { return nil }
        let scales = (0..<columns).map { column in rows.map { abs($0.features[column]) }.max() ?? 0 }
        var matrix = (0..<columns).map { first in
            (0..<columns).map { second in
                rows.reduce(0) { $0 + scaled($1, first, scales) * scaled($1, second, scales) }
            } + [rows.reduce(0) { $0 + scaled($1, first, scales) * $1.value }]
        }
        for pivot in 0..<columns {
            guard matrix[pivot][pivot] > 1e-9 else {
                for row in 0..<columns { matrix[row][pivot] = 0 }
                matrix[pivot] = (0...columns).map { $0 == pivot ? 1 : 0 }
                continue
            }
            for row in 0..<columns where row != pivot {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot...columns { matrix[row][column] -= factor * matrix[pivot][column] }
            }
        }
        return (0..<columns).map { scales[$0] > 0 ? matrix[$0][columns] / matrix[$0][$0] / scales[$0] : 0 }
    }

    private static func scaled(_ row: (features: [Double], value: Double), _ column: Int, _ scales: [Double]) -> Double
    {
        scales[column] > 0 ? row.features[column] / scales[column] : 0
    }
}
