/// Looks for stop strings in a stream of text and holds back what may be the start of one.
///
/// What is emitted does not depend on how the text is cut into parts: the stop string that is complete first
/// counts, and of several complete at once the longest. Strings are compared byte by byte.
package struct StopStringMatcher: Sendable {
    private let stops: [[UInt8]]
    /// Per stop, the length of the longest proper prefix that is also a suffix, for each of its prefixes.
    private let fallbacks: [[Int]]
    private let includesStop: Bool
    /// Per stop, how many of its bytes the text ends in.
    private var progress: [Int]
    private var held: [UInt8] = []
    private var isDone = false

    /// - Parameters:
    ///   - stops: empty strings are ignored.
    ///   - includeStop: whether the stop string itself is emitted.
    package init(stops: [String], includeStop: Bool) {
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
        fallbacks = self.stops.map(Self.fallbacks(of:))
        progress = Array(repeating: 0, count: self.stops.count)
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
        return (release(held.count - (progress.max() ?? 0)), nil)
    }

    /// What is still held back, once no more text comes.
    package mutating func finish() -> String {
        isDone = true
        return release(held.count)
    }

    /// The longest stop string that ends with this byte.
    private mutating func advance(_ byte: UInt8) -> [UInt8]? {
        var found: [UInt8]?
        for index in stops.indices {
            let stop = stops[index]
            while progress[index] > 0, stop[progress[index]] != byte {
                progress[index] = fallbacks[index][progress[index] - 1]
            }
            if stop[progress[index]] == byte { progress[index] += 1 }
            guard progress[index] == stop.count else { continue }
            progress[index] = 0
            if stop.count > found?.count ?? 0 { found = stop }
        }
        return found
    }

    private mutating func release(_ count: Int) -> String {
        defer { held.removeFirst(count) }
        return String(decoding: held[..<count], as: UTF8.self)
    }

    /// The failure function of Knuth, Morris and Pratt.
    private static func fallbacks(of stop: [UInt8]) -> [Int] {
        var fallbacks = [Int](repeating: 0, count: stop.count)
        var length = 0
        for index in stop.indices.dropFirst() {
            while length > 0, stop[length] != stop[index] { length = fallbacks[length - 1] }
            if stop[length] == stop[index] { length += 1 }
            fallbacks[index] = length
        }
        return fallbacks
    }
}
