internal import Foundation

/// Text and tables as HTML.
package enum HTML {
    /// The text as it may stand between tags and in attributes within double quotes.
    package static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
    }

    /// A table that scrolls sideways where it is wider than the page.
    package static func table(heads: [String], rows: [[String]]) -> String {
        let lines = rows.map { row("td", $0) }
        return "<div class=\"wide\"><table>" + row("th", heads) + lines.joined(separator: "\n") + "</table></div>"
    }

    private static func row(_ tag: String, _ cells: [String]) -> String {
        "<tr>" + cells.map { "<\(tag)>\(escaped($0))</\(tag)>" }.joined() + "</tr>"
    }
}
