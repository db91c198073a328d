package import JSON

/// Framing of `text/event-stream`: one `data:` line and an empty line for each event.
package enum ServerSentEvent {
    /// The end of a complete stream.
    ///
    /// A stream that failed ends without it.
    package static let done: [UInt8] = [UInt8]("data: [DONE]\n\n".utf8)

    /// Compact JSON has no line breaks, so one line holds it.
    package static func data(_ value: JSONValue) -> [UInt8] {
        var bytes = [UInt8]("data: ".utf8)
        value.write(to: &bytes)
        bytes.append(contentsOf: "\n\n".utf8)
        return bytes
    }
}
