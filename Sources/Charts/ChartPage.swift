/// A report as one HTML page that needs nothing else.
package struct ChartPage: Sendable {
    /// What the browser's window is called.
    package var title: String
    package var heading: String
    /// What was measured, in a sentence.
    package var subtitle: String
    /// HTML: charts, headings and tables.
    package var body: String

    package init(title: String, heading: String, subtitle: String, body: String) {
        self.title = title
        self.heading = heading
        self.subtitle = subtitle
        self.body = body
    }

    package var html: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
        <title>\(HTML.escaped(title))</title><style>\(Self.style)</style></head>
        <body><h1>\(HTML.escaped(heading))</h1><p>\(HTML.escaped(subtitle))</p>
        \(body)
        </body></html>

        """
    }

    private static let style = """
        body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1rem;color:#222;background:#fff}
        h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.1rem}figure{margin:1.1rem 0}figcaption{font-weight:600}
        small{font-weight:400;color:#666}svg{width:100%;height:auto;display:block}
        svg text{font:10px system-ui,sans-serif;fill:#444}
        .legend{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.85rem}
        .legend i{display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:2px}
        .wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
        td,th{padding:.3rem .5rem;border-bottom:1px solid #ddd;text-align:right;font-variant-numeric:tabular-nums}
        td:first-child,th:first-child{text-align:left}
        """
}
