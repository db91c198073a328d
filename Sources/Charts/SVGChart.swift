internal import Foundation

/// A chart as inline SVG, drawn for a width of 360 units so that its text can be read on a phone.
///
/// Texts are plain; they are escaped here.
package struct SVGChart: Sendable {
    package var title: String
    /// What the axes count.
    package var xLabel: String
    package var yLabel: String
    static let frame = (left: 38.0, top: 8.0, right: 352.0, bottom: 150.0)
    static let height = 186.0
    private static let colors = ["#1261a6", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93"]

    package init(title: String, xLabel: String = "", yLabel: String) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
    }

    /// The colour of a chart's line, counted from 0; after the last comes the first again.
    package static func color(_ number: Int) -> String { colors[number % colors.count] }

    /// Lines over a shared x axis, from 0.
    package func lines(_ lines: [ChartLine]) -> String {
        let named = lines.filter { !$0.isBound }
        let legend = lines.count < 2 ? "" : Self.legend(named.map { ($0.name, $0.color) })
        return figure(drawing(lines), height: Self.height) + legend + "</figure>"
    }

    /// Axes and lines.
    func drawing(_ lines: [ChartLine]) -> String {
        let xMost = max(lines.flatMap { $0.points.map(\.x) }.max() ?? 1, 1e-9)
        let yMost = Self.rounded(up: max(lines.flatMap { $0.points.map(\.y) }.max() ?? 1, 1e-9))
        return lines.reduce(axes(xMost: xMost, yMost: yMost)) { $0 + Self.drawn($1, xMost: xMost, yMost: yMost) }
    }

    private static func drawn(_ line: ChartLine, xMost: Double, yMost: Double) -> String {
        let points = line.points.map { (x: number(x($0.x, of: xMost)), y: number(y($0.y, of: yMost))) }
        let path = points.map { "\($0.x),\($0.y)" }.joined(separator: " ")
        let dashes = line.isBound ? " stroke-dasharray=\"4 3\"" : ""
        var body = "<polyline fill=\"none\" stroke=\"\(line.color)\" stroke-width=\"1.4\"\(dashes) points=\"\(path)\"/>"
        for point in points where line.hasDots {
            body += "<circle cx=\"\(point.x)\" cy=\"\(point.y)\" r=\"2\" fill=\"\(line.color)\"/>"
        }
        return body
    }

    /// A row for each series, coloured by value: white for 0 to the deepest for `most`.
    package func strips(_ rows: [(name: String, values: [Double])], most: Double, xMost: Double) -> String {
        let rowHeight = max(3, min(12, 320 / Double(max(rows.count, 1))))
        let bottom = Self.frame.top + rowHeight * Double(rows.count)
        var body = ""
        for (number, row) in rows.enumerated() {
            let top = Self.frame.top + rowHeight * Double(number)
            if rowHeight > 8 { body += Self.text(Self.frame.left - 4, top + rowHeight - 2.5, row.name, anchor: "end") }
            body += strip(row.values, top: top, height: rowHeight - 0.6, most: most)
        }
        body += xAxis(xMost: xMost, at: bottom)
        let legend = Self.legend([0, 0.25, 0.5, 0.75, 1].map { (String(Int($0 * most)), Self.shade($0)) })
        return figure(body, height: bottom + 34) + legend + "</figure>"
    }

    /// Values are drawn in eighths of `most`, so that equal neighbours are one rectangle; only 0 is drawn as nothing.
    private func strip(_ values: [Double], top: Double, height: Double, most: Double) -> String {
        let width = (Self.frame.right - Self.frame.left) / Double(max(values.count, 1))
        let values = values.map { $0 == 0 ? 0 : max(0.125, ($0 / most * 8).rounded() / 8) }
        var body = ""
        var start = 0
        while start < values.count {
            var end = start + 1
            while end < values.count, values[end] == values[start] { end += 1 }
            body +=
                "<rect x=\"\(Self.number(Self.frame.left + width * Double(start)))\" y=\"\(Self.number(top))\""
                + " width=\"\(Self.number(width * Double(end - start)))\" height=\"\(Self.number(height))\""
                + " fill=\"\(Self.shade(values[start]))\"/>"
            start = end
        }
        return body
    }

    private func axes(xMost: Double, yMost: Double) -> String {
        var body = ""
        for step in 0...4 {
            let value = yMost * Double(step) / 4
            let y = Self.y(value, of: yMost)
            body +=
                "<line x1=\"\(Self.frame.left)\" x2=\"\(Self.frame.right)\" y1=\"\(Self.number(y))\" "
                + "y2=\"\(Self.number(y))\" stroke=\"#e3e3e3\"/>"
            body += Self.text(Self.frame.left - 4, y + 3.5, Self.label(value), anchor: "end")
        }
        return body + xAxis(xMost: xMost, at: Self.frame.bottom)
    }

    private func xAxis(xMost: Double, at y: Double) -> String {
        var body = ""
        for step in 0...4 {
            let value = xMost * Double(step) / 4
            let anchor = step == 0 ? "start" : step == 4 ? "end" : "middle"
            body += Self.text(Self.x(value, of: xMost), y + 13, Self.label(value), anchor: anchor)
        }
        return body + Self.text((Self.frame.left + Self.frame.right) / 2, y + 27, xLabel, anchor: "middle")
    }

    /// The opened figure with its drawing; a legend may follow.
    func figure(_ body: String, height: Double) -> String {
        let title = HTML.escaped(title)
        return "<figure><figcaption>\(title) <small>\(HTML.escaped(yLabel))</small></figcaption>"
            + "<svg viewBox=\"0 0 360 \(Self.number(height))\" role=\"img\" aria-label=\"\(title)\">\(body)</svg>"
    }

    private static func legend(_ entries: [(name: String, color: String)]) -> String {
        let items = entries.map { "<span><i style=\"background:\($0.color)\"></i>\(HTML.escaped($0.name))</span>" }
        return "<div class=\"legend\">" + items.joined() + "</div>"
    }

    static func text(_ x: Double, _ y: Double, _ text: String, anchor: String) -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(HTML.escaped(text))</text>"
    }

    private static func x(_ value: Double, of most: Double) -> Double {
        frame.left + (frame.right - frame.left) * value / most
    }

    private static func y(_ value: Double, of most: Double) -> Double {
        frame.bottom - (frame.bottom - frame.top) * min(1, max(0, value / most))
    }

    /// The next of 1, 2, 4, 5 or 8 times a power of ten.
    static func rounded(up value: Double) -> Double {
        let power = pow(10, floor(log10(value)))
        return ([1, 2, 4, 5, 8, 10].first { $0 * power >= value } ?? 10) * power
    }

    static func label(_ value: Double) -> String {
        if value == 0 { return "0" }
        if value >= 1_000_000 { return String(format: "%.3gM", value / 1_000_000) }
        if value >= 10_000 { return String(format: "%.3gk", value / 1000) }
        return value >= 100 ? String(format: "%.0f", value) : String(format: "%.3g", value)
    }

    static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func shade(_ share: Double) -> String {
        let share = min(1, max(0, share))
        func mix(_ from: Double, _ to: Double) -> Int { Int(from + (to - from) * share) }
        return share == 0 ? "#f4f4f4" : "rgb(\(mix(222, 8)),\(mix(235, 48)),\(mix(247, 107)))"
    }
}
