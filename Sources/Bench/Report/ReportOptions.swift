internal import ArgumentParser

/// Whether a benchmark's records are drawn as well.
struct ReportOptions: ParsableArguments {
    @Option(name: .customLong("report"), help: "Draw the records of this run as one HTML page in this file.")
    var file: String?
}
