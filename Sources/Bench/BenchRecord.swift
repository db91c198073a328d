internal import Foundation
internal import JSON

/// One line of a benchmark's output.
struct BenchRecord {
    private(set) var fields = JSONObject()

    init(bench: String, backend: String) {
        fields["bench"] = .string(bench)
        fields["backend"] = .string(backend)
        if let gpu = ProcessInfo.processInfo.environment["PUNICA_GPU"] { fields["gpu"] = .string(gpu) }
        fields["date"] = .string(Date.now.ISO8601Format())
        fields["commit"] = .string(ProcessInfo.processInfo.environment["PUNICA_COMMIT"] ?? "unknown")
    }

    subscript(key: String) -> JSONValue? {
        get { fields[key] }
        set { fields[key] = newValue }
    }

    /// Adds the middle and the 95th percentile of measurements, and how they compare with what physics allows.
    ///
    /// - Parameters:
    ///   - samples: not empty.
    ///   - floor: in the same unit; nil where none is known.
    mutating func add(_ samples: [Double], unit: String, floor: Double?) {
        fields["median"] = .number(median(samples))
        fields["p95"] = .number(percentile(samples, 0.95))
        fields["unit"] = .string(unit)
        fields["samples"] = .integer(samples.count)
        guard let floor else { return }
        fields["floor"] = .number(floor)
        fields["over_floor"] = .number(median(samples) / floor)
    }
}

/// The middle of the values; the lower of two middles. NaN if there are none.
func median(_ values: [Double]) -> Double { percentile(values, 0.5) }

/// The smallest value that at least `share` of the values do not exceed. NaN if there are none.
func percentile(_ values: [Double], _ share: Double) -> Double {
    guard !values.isEmpty else { return .nan }
    let rank = (Double(values.count) * share).rounded(.up)
    return values.sorted()[min(max(Int(rank) - 1, 0), values.count - 1)]
}
