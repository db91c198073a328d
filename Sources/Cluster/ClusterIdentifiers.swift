package import Core

/// A runner, wherever and however often it starts; of two equally good ones the higher wins (Punica section 5.1).
package struct RunnerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt128

    package init(_ rawValue: UInt128) { self.rawValue = rawValue }

    /// Reads a UUID: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12], text.utf8.allSatisfy(Self.isDigitOrDash) else { return nil }
        guard let value = UInt128(groups.joined(), radix: 16) else { return nil }
        rawValue = value
    }

    private static func isDigitOrDash(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || Character(Unicode.Scalar(byte)).isHexDigit
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// A UUID in lower case.
    package var description: String {
        let digits = String(rawValue, radix: 16)
        var text = String(repeating: "0", count: 32 - digits.count) + digits
        for position in [20, 16, 12, 8] { text.insert("-", at: text.index(text.startIndex, offsetBy: position)) }
        return text
    }
}

/// A request, unique in the cluster: the frontend that owns it, and that frontend's number for it.
package struct ClusterRequestID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Chosen at random by each frontend process when it starts.
    package let frontend: UInt64
    package let request: RequestID

    package init(frontend: UInt64, request: RequestID) {
        self.frontend = frontend
        self.request = request
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.frontend, left.request) < (right.frontend, right.request)
    }

    package var description: String { String(frontend, radix: 16) + "/\(request)" }
}
