/// Decoders in a row, fed token by token; each hands text on as soon as nothing that follows can change it.
///
/// Because the whole-text decode runs through here too, a stream concatenates to exactly what it gives.
struct DecoderPipeline: Sendable {
    private var stages: [DecoderStage]
    private var output: [UInt8] = []

    init(_ steps: [Decoder]) {
        stages = steps.map(DecoderStage.init)
    }

    /// Feeds one token.
    mutating func append(token: [UInt8]) {
        send(.text(token), to: 0)
        send(.chunkEnd, to: 0)
    }

    /// Tells every step that no token follows.
    mutating func finish() {
        for index in stages.indices {
            for event in stages[index].finish() { send(event, to: index + 1) }
        }
    }

    /// The text that is certain by now; each call gives what the one before did not.
    mutating func takeOutput() -> String {
        defer { output.removeAll(keepingCapacity: true) }
        return String(decoding: output, as: UTF8.self)
    }

    private mutating func send(_ event: DecoderStage.Event, to index: Int) {
        guard index < stages.count else {
            if case .text(let text) = event { output += text }
            return
        }
        for next in stages[index].accept(event) { send(next, to: index + 1) }
    }
}
