import Foundation

/// Draws the demo: one line for each adapter, redrawn in place on a terminal, printed once elsewhere.
struct DemoScreen: Sendable {
    let questions: [DemoQuestion]
    private let isTerminal = isatty(1) == 1
    private static let framesPerSecond = 30

    init(questions: [DemoQuestion]) { self.questions = questions }

    /// Redraws until every answer has ended.
    func follow(_ board: DemoBoard, since start: ContinuousClock.Instant) async {
        guard isTerminal else { return }
        write(lines(board.state.texts, rate: nil))
        while true {
            let state = board.state
            let rate = Double(state.tokens) / ((ContinuousClock.now - start) / .seconds(1))
            write("\u{1B}[\(questions.count + 2)A" + lines(state.texts, rate: rate))
            if state.open == 0 { return }
            try? await Task.sleep(for: .seconds(1) / Self.framesPerSecond)
        }
    }

    /// Draws the last state.
    func finish(_ outcome: DemoOutcome) {
        let up = isTerminal ? "\u{1B}[\(questions.count + 2)A" : ""
        write(up + lines(outcome.answers, rate: outcome.tokensPerSecond))
    }

    func compare(together: DemoOutcome, oneByOne: DemoOutcome) {
        let same = together.answers == oneByOne.answers
        write(
            """
              together        \(row(together))
              one by one      \(row(oneByOne))
              in one batch \(decimal(together.tokensPerSecond / oneByOne.tokensPerSecond)) times the tokens a second; \
            the answers are \(same ? "the same, letter for letter" : "DIFFERENT, which is a bug")

            """
        )
    }

    private func row(_ outcome: DemoOutcome) -> String {
        "\(outcome.tokens) tokens in \(decimal(outcome.seconds * 1000)) ms, "
            + "\(Int(outcome.tokensPerSecond.rounded())) tokens/s"
    }

    private func lines(_ texts: [String], rate: Double?) -> String {
        let width = questions.map(\.adapter.count).max() ?? 0
        let clear = isTerminal ? "\u{1B}[K" : ""
        var output = ""
        for (question, text) in zip(questions, texts) {
            let name = question.adapter.padding(toLength: width, withPad: " ", startingAt: 0)
            let flat = text.replacingOccurrences(of: "\n", with: " ")
            output += "  \(name)  \(flat.prefix(terminalWidth - width - 6))\(clear)\n"
        }
        let speed = rate.map { "\(Int($0.rounded())) tokens/s in one batch of \(questions.count) adapters" } ?? ""
        return output + "\(clear)\n  \(speed)\(clear)\n"
    }

    private var terminalWidth: Int {
        var size = winsize()
        guard isTerminal, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 160 }
        return Int(size.ws_col)
    }

    private func decimal(_ value: Double) -> String { String(format: "%.1f", value) }

    private func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
