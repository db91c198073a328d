internal import Core

/// Looks for stop strings in a stream of text and holds back what may be the start of one.
///
/// What is emitted does not depend on how the text is cut into parts: the stop string that is complete first
/// counts, and of several complete at once the longest. Strings are compared byte by byte.
package struct StopStringMatcher: Sendable {
    private var searches: [PatternSearch<UInt8>]
    private let includesStop: Bool
    private var held: [UInt8] = []
    private var isDone = false

    /// - Parameters:
    ///   - stops: empty strings are ignored.
    ///   - includeStop: whether the stop string itself is emitted.
    package init(stops: [String], includeStop: Bool) {
        searches = stops.filter { !$0.isEmpty }.map { PatternSearch(Array($0.utf8)) }
        includesStop = includeStop
    }

    /// Takes the next part of the text.
    ///
    /// - Returns: what of the text so far is now certain to come before any stop string, and the stop string that
    ///   was found. After one was found, everything is dropped.
    package mutating func append(_ text: String) -> (emit: String, matched: String?) {
        guard !isDone else { return ("", nil) }
        for byte in text.utf8 {
            held.append(byte)
            if let stop = advance(byte) {
                isDone = true
                let length = held.count - (includesStop ? 0 : stop.count)
                let emit = String(decoding: held[..<length], as: UTF8.self)
                held = []
                return (emit, String(decoding: stop, as: UTF8.self))
            }
        }
        return (release(held.count - (searches.map(\.matched).max() ?? 0)), nil)
    }

    /// What is still held back, once no more text comes.
    package mutating func finish() -> String {
        isDone = true
        return release(held.count)
    }

    /// The longest stop string that ends with this byte.
    private mutating func advance(_ byte: UInt8) -> [UInt8]? {
        var found: [UInt8]?
        for index in searches.indices where searches[index].advance(byte) {
            let stop = searches[index].pattern
            if stop.count > found?.count ?? 0 { found = stop }
        }
        return found
    }

    private mutating func release(_ count: Int) -> String {
        defer { held.removeFirst(count) }
        return String(decoding: held[..<count], as: UTF8.self)
    }
}
