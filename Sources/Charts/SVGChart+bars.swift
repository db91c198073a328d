extension SVGChart {
    private static let barHeight = 26.0
    private static let barLeft = 8.0

    /// Bars from 0 to the right, one below the other, each under its name and value.
    package func bars(_ bars: [ChartBar]) -> String {
        let most = Self.rounded(up: max(bars.flatMap { [$0.value, $0.bound ?? 0] }.max() ?? 1, 1e-9))
        var body = ""
        for (number, bar) in bars.enumerated() {
            body += Self.row(bar, top: Self.frame.top + Self.barHeight * Double(number), most: most)
        }
        return figure(body, height: Self.frame.top + Self.barHeight * Double(bars.count)) + "</figure>"
    }

    private static func row(_ bar: ChartBar, top: Double, most: Double) -> String {
        let width = frame.right - barLeft
        func share(_ value: Double) -> Double { min(1, max(0, value / most)) }
        var body = text(barLeft, top + 9, bar.name, anchor: "start")
        body += text(frame.right, top + 9, label(bar.value), anchor: "end")
        body +=
            "<rect x=\"\(number(barLeft))\" y=\"\(number(top + 12))\" width=\"\(number(width * share(bar.value)))\""
            + " height=\"7\" fill=\"\(color(0))\"/>"
        guard let bound = bar.bound else { return body }
        let x = number(barLeft + width * share(bound))
        return body + "<line x1=\"\(x)\" x2=\"\(x)\" y1=\"\(number(top + 10))\" y2=\"\(number(top + 21))\" "
            + "stroke=\"\(color(1))\" stroke-width=\"1.6\"/>"
    }
}
