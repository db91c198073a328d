import Foundation

/// A page taken apart, strictly: the little HTML that reports are written in and nothing else.
struct Markup {
    struct Tag {
        let name: String
        let attributes: [String: String]
    }

    /// Opening tags, in order.
    private(set) var tags: [Tag] = []
    /// Why it is not well-formed.
    private(set) var faults: [String] = []

    init(_ page: String) {
        var open: [String] = []
        var rest = page[...]
        while let start = rest.firstIndex(of: "<") {
            if rest[..<start].contains(">") { faults.append("a > in the text before \(rest[start...].prefix(20))") }
            guard let end = rest[start...].firstIndex(of: ">") else {
                faults.append("no end of \(rest[start...].prefix(20))")
                break
            }
            read(String(rest[rest.index(after: start)..<end]), &open)
            rest = rest[rest.index(after: end)...]
        }
        if rest.contains(">") { faults.append("a > in the last text") }
        if !open.isEmpty { faults.append("left open: \(open)") }
    }

    func named(_ name: String) -> [Tag] { tags.filter { $0.name == name } }

    private mutating func read(_ text: String, _ open: inout [String]) {
        if text == "!doctype html" { return }
        if text.hasPrefix("/") {
            if open.popLast() != String(text.dropFirst()) { faults.append("<\(text)> closes something else") }
            return
        }
        guard let tag = Self.tag(text) else { return faults.append("<\(text)> is no tag") }
        tags.append(tag)
        if tag.name != "meta" && !text.hasSuffix("/") { open.append(tag.name) }
    }

    private static func tag(_ text: String) -> Tag? {
        let body = text.hasSuffix("/") ? text.dropLast() : text[...]
        guard let match = body.wholeMatch(of: /([a-z][a-z0-9]*)((?: [A-Za-z0-9-]+="[^"<>]*")*)/) else { return nil }
        var attributes: [String: String] = [:]
        for attribute in match.2.matches(of: /([A-Za-z0-9-]+)="([^"]*)"/) {
            attributes[String(attribute.1)] = String(attribute.2)
        }
        return Tag(name: String(match.1), attributes: attributes)
    }
}

extension Markup {
    /// Points of all lines, solid or dashed.
    func lines(dashed: Bool) -> [[(x: Double, y: Double)]] {
        named("polyline").filter { ($0.attributes["stroke-dasharray"] != nil) == dashed }.map { tag in
            (tag.attributes["points"] ?? "").split(separator: " ").map { Self.point($0) }
        }
    }

    private static func point(_ text: Substring) -> (x: Double, y: Double) {
        let numbers = text.split(separator: ",").map { Double($0) ?? .nan }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : (.nan, .nan)
    }

    /// Left end and width of each bar.
    var bars: [(x: Double, width: Double)] {
        named("rect").map { (x: number($0, "x"), width: number($0, "width")) }
    }

    private func number(_ tag: Tag, _ name: String) -> Double { Double(tag.attributes[name] ?? "") ?? .nan }
}
