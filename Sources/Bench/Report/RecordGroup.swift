internal import Foundation
internal import JSON

/// Records that one chart shows: they differ in nothing but what it draws and in what was measured.
struct RecordGroup {
    /// What the records have in common, by field.
    let settings: [String: String]
    private(set) var records: [ReportRecord]
    /// The settings that tell this group from the others; empty if it is the only one.
    private(set) var distinction = ""

    /// Fields that differ between any two measurements.
    private static let measured: Set = ["bench", "date", "median", "p95", "p99", "samples", "floor", "over_floor"]

    private init(settings: [String: String], records: [ReportRecord]) {
        self.settings = settings
        self.records = records
    }

    /// The records by their settings, in the order in which these first appear.
    ///
    /// - Parameter drawn: fields that are no settings: axes, names of lines and bars, results.
    static func groups(_ records: [ReportRecord], drawn: Set<String>) -> [RecordGroup] {
        var groups: [RecordGroup] = []
        var places: [[String: String]: Int] = [:]
        for record in records {
            let settings = commonFields(of: record, drawn: drawn)
            if let place = places[settings] {
                groups[place].records.append(record)
            } else {
                places[settings] = groups.count
                groups.append(RecordGroup(settings: settings, records: [record]))
            }
        }
        for number in groups.indices { groups[number].distinction = telling(groups[number], among: groups) }
        return groups
    }

    private static func commonFields(of record: ReportRecord, drawn: Set<String>) -> [String: String] {
        var settings: [String: String] = [:]
        for key in record.fields.keys where !drawn.contains(key) && !measured.contains(key) {
            settings[key] = record.text(key)
        }
        return settings
    }

    private static func telling(_ group: RecordGroup, among groups: [RecordGroup]) -> String {
        let keys = group.records.first?.fields.keys ?? []
        let parts = keys.compactMap { key -> String? in
            guard let value = group.settings[key], groups.contains(where: { $0.settings[key] != value }) else {
                return nil
            }
            return key.replacingOccurrences(of: "_", with: " ") + " " + value
        }
        return parts.joined(separator: ", ")
    }

    func title(_ heading: String) -> String { distinction.isEmpty ? heading : heading + ": " + distinction }

    /// What the records are measured in.
    var unit: String {
        let unit = settings["unit"] ?? ""
        return unit == "us" ? "µs" : unit
    }
}
