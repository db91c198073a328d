import Crypto
import DashboardFiles
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// The dashboard's page: one document that asks for nothing but `/dashboard/state`.
struct DashboardPage: Sendable {
    let text: String
    /// Lets run what this page has, by its hash, and nothing that a tenant's name could smuggle in.
    let policy: String

    init() {
        let files = Self.files
        func text(_ suffix: String) -> String { files.filter { $0.path.hasSuffix(suffix) }.map(\.text).joined() }
        let (style, body, scripts) = (text(".css"), text(".html"), text(".js"))
        self.text = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <link rel="icon" href="data:,">
            <title>Punica</title>
            <style>\(style)</style>
            </head>
            <body>
            \(body)
            <script>\(scripts)</script>
            </body>
            </html>

            """
        policy = [
            "default-src 'none'",
            "script-src \(Self.hash(scripts))",
            "style-src \(Self.hash(style))",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ].joined(separator: "; ")
    }

    func respond() -> Response {
        var response = Response(text: text, contentType: "text/html; charset=utf-8")
        response.headers[.contentSecurityPolicy] = policy
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.referrerPolicy] = "no-referrer"
        return response
    }

    /// In the order in which scripts need each other.
    private static var files: [(path: String, text: String)] {
        // Sound: the table and its texts are constants of the program.
        UnsafeBufferPointer(start: dashboardFiles, count: dashboardFileCount)
            .map { (String(cString: $0.path), String(cString: $0.text)) }
    }

    private static func hash(_ text: String) -> String {
        "'sha256-\(Data(SHA256.hash(data: Array(text.utf8))).base64EncodedString())'"
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = known("Referrer-Policy")
}
