internal import Foundation
internal import JSON

/// Where a benchmark's records go: to standard output one by one, and onto a page in the end if one is wanted.
final class BenchOutput {
    /// The page's file.
    private let page: String?
    /// Empty where no page is wanted.
    private var records: [JSONObject] = []

    init(_ options: ReportOptions) { page = options.file }

    /// Writes the record as one line of JSON to standard output.
    func print(_ record: BenchRecord) {
        FileHandle.standardOutput.write(Data((JSONValue.object(record.fields).encoded() + "\n").utf8))
        if page != nil { records.append(record.fields) }
    }

    /// Writes the page.
    func finish() throws(BenchError) {
        if let page { try BenchReport(records).write(to: page) }
    }
}
