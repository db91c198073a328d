import Adapters
import ArgumentParser
import Engine
import Foundation
import Serving

/// `demo`: eight adapters answering side by side in one batch, then the same eight one after another.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Watch eight adapters answer at once, and what the same costs one after another."
    )

    @OptionGroup var model: ModelOptions
    @Option(help: "A sentence for all adapters. Default: a different one for each.")
    var prompt: String?
    @Option(help: "Adapters to show.")
    var count = 8

    func validate() throws {
        guard (1...64).contains(count) else { throw ValidationError("--count is \(count), but must be 1 ... 64") }
    }

    func run() async throws {
        let service = try await model.start()
        let names = Array(service.adapters.list().map(\.name).prefix(count))
        guard !names.isEmpty else { throw ValidationError("there are no adapters to show; see --adapters") }
        let sentences = try prompt.map { [$0] } ?? DemoPrompts(path: DemoDirectory().prompts).show
        let questions = names.enumerated().map { DemoQuestion(adapter: $1, text: sentences[$0 % sentences.count]) }
        let show = DemoShow(service: service, questions: questions)
        // Once unseen, so that neither way pays for the first touch of the weights.
        _ = try await show.run(together: false, screen: nil)
        let screen = DemoScreen(questions: questions)
        let together = try await show.run(together: true, screen: screen)
        screen.finish(together)
        let oneByOne = try await show.run(together: false, screen: nil)
        screen.compare(together: together, oneByOne: oneByOne)
        await service.engine.stop()
    }
}

/// One sentence for one adapter.
struct DemoQuestion: Sendable {
    let adapter: String
    let text: String
}

/// Sentences to show the demo with.
struct DemoPrompts {
    let show: [String]

    /// Reads `prompts.json`, whose `show` is a list of sentences.
    init(path: String) throws {
        struct File: Decodable { let show: [String] }
        let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(filePath: path)))
        guard !file.show.isEmpty else { throw ServingError.malformed(path: path, reason: "'show' is empty") }
        show = file.show
    }
}
