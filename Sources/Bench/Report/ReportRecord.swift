internal import Foundation
internal import JSON

/// A record as charts and tables read it.
struct ReportRecord {
    let fields: JSONObject

    /// Strings as they are, everything else as JSON; nil where the field is missing.
    func text(_ key: String) -> String? {
        guard let value = fields[key] else { return nil }
        return value.string ?? value.encoded()
    }

    /// Nil for what is no number, or too large for a chart's arithmetic.
    func number(_ key: String) -> Double? {
        guard let value = fields[key]?.double, abs(value) < 1e18 else { return nil }
        return value
    }

    /// What a table shows: numbers with four digits at least, nothing for a missing field.
    func cell(_ key: String) -> String {
        guard let value = fields[key] else { return "" }
        switch value {
        case .null: return ""
        case .number(let number): return Self.decimal(number)
        default: return text(key) ?? ""
        }
    }

    private static func decimal(_ value: Double) -> String {
        guard value.isFinite else { return "" }
        return String(format: (1000..<1e15).contains(abs(value)) ? "%.0f" : "%.4g", value)
    }
}

extension [ReportRecord] {
    /// The records by name, in the order in which names first appear.
    func parted(by name: (ReportRecord) -> String) -> [(name: String, records: [ReportRecord])] {
        var parts: [(name: String, records: [ReportRecord])] = []
        var places: [String: Int] = [:]
        for record in self {
            let text = name(record)
            if let place = places[text] {
                parts[place].records.append(record)
            } else {
                places[text] = parts.count
                parts.append((name: text, records: [record]))
            }
        }
        return parts
    }
}
