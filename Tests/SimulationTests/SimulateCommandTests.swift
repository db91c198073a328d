import ArgumentParser
import Foundation
import JSON
import Testing

@testable import Simulation

@Suite struct SimulateCommands {
    @Test func `an experiment is written as JSON and as a page that needs nothing else`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "simulation-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let arguments = ["--gpus", "4", "--requests", "1500", "--startup", "1", "--output", folder.path]
        try SimulateCommand.parse(arguments).run()
        let result = try JSONValue(parsing: Array(Data(contentsOf: folder.appending(path: "result.json"))))
        #expect(result["variants"]?.array?.count == 3)
        #expect(result["variants"]?.array?.first?["requests"]?.int == 1500)
        #expect(result["series"]?["batches"]?.array?.first?.array?.count == 4)
        let page = try String(contentsOf: folder.appending(path: "report.html"), encoding: .utf8)
        for asset in ["http:", "https:", "src=", "url(", "@import", "<script"] { #expect(!page.contains(asset)) }
        #expect(page.contains("<svg") && page.contains("name=\"viewport\"") && !page.contains("nan"))
    }

    @Test(arguments: [
        ["--gpus", "0"], ["--requests", "0"], ["--policy", "best"], ["--preset", "b200"], ["--compare", "all"],
        ["--ranks", "513"], ["--peak-load", "0"], ["--startup", "-1"],
    ])
    func `a wrong option is refused with its bound`(arguments: [String]) {
        #expect(throws: (any Error).self) { try SimulateCommand.parse(arguments) }
    }
}
