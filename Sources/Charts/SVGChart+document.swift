/// Charts that are files of their own, with their title and legend inside.
extension SVGChart {
    private static let lineHeight = 13.0

    /// Lines over a shared x axis, from 0, as an SVG document.
    package func document(_ lines: [ChartLine]) -> String {
        let named = lines.filter { !$0.isBound }
        let (top, legend) = (2 * Self.lineHeight, Self.lineHeight * Double(named.count))
        let height = top + Self.height + legend + 4
        var body = Self.text(8, Self.lineHeight, title, anchor: "start")
        body += Self.text(8, 2 * Self.lineHeight - 2, yLabel, anchor: "start")
        body += "<g transform=\"translate(0 \(Self.number(top)))\">\(drawing(lines))</g>"
        for (number, line) in named.enumerated() {
            let y = top + Self.height + Self.lineHeight * Double(number)
            body += "<rect x=\"38\" y=\"\(Self.number(y))\" width=\"9\" height=\"9\" fill=\"\(line.color)\"/>"
            body += Self.text(51, y + 8, line.name, anchor: "start")
        }
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 360 \(Self.number(height))\" width=\"720\""
            + " font-family=\"sans-serif\" font-size=\"10\" fill=\"#444\">"
            + "<rect width=\"360\" height=\"\(Self.number(height))\" fill=\"#fff\"/>\(body)</svg>\n"
    }
}
