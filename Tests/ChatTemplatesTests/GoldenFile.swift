import JSON

@testable import ChatTemplates

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Templates, contexts and what jinja2 made of them, as `scripts/golden/templates.py` writes them.
struct GoldenFile {
    struct Case {
        let template: String
        let context: JSONObject
        let expected: Outcome
        let name: String
    }

    /// What rendering gives: text, or the kind of the error with what jinja2 tells of it.
    enum Outcome: Equatable {
        case output(String)
        case error(kind: String, message: String?, line: Int?)

        /// As `==`, byte for byte, and without asking for a message or line that jinja2 did not tell.
        func matches(_ actual: Outcome) -> Bool {
            switch (self, actual) {
            case (.output(let expected), .output(let text)): return Array(expected.utf8) == Array(text.utf8)
            case (.error(let kind, let message, let line), .error(let actualKind, let actualMessage, let actualLine)):
                guard kind == actualKind, line == nil || line == actualLine else { return false }
                return message == nil || message == actualMessage
            default: return false
            }
        }
    }

    let cases: [Case]

    init(path: String) throws {
        let document = try JSONValue(parsing: Self.read(path))
        let templates = document["templates"]?.object ?? JSONObject()
        let contexts = document["contexts"]?.object ?? JSONObject()
        cases = (document["cases"]?.array ?? []).map { item in
            let template = item["template"]?.string ?? ""
            let context = item["context"]?.string ?? ""
            return Case(
                template: templates[template]?.string ?? template,
                context: contexts[context]?.object ?? JSONObject(),
                expected: Self.outcome(item),
                name: "\(template) / \(context)"
            )
        }
    }

    static func named(_ name: String, file: StaticString = #filePath) throws -> GoldenFile {
        let folder = "\(file)".split(separator: "/").dropLast(2).joined(separator: "/")
        return try GoldenFile(path: "/\(folder)/Golden/templates/\(name)")
    }

    private static func outcome(_ item: JSONValue) -> Outcome {
        if let output = item["output"]?.string { return .output(output) }
        return .error(kind: item["error"]?.string ?? "", message: item["message"]?.string, line: item["line"]?.int)
    }

    private static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }
}

extension GoldenFile.Case {
    /// The time `strftime_now` had when the files were made.
    static let clock = CalendarTime(year: 2024, month: 7, day: 9, hour: 5, minute: 4, second: 3)

    func render() -> GoldenFile.Outcome {
        do throws(ChatTemplateError) {
            return .output(try ChatTemplate(source: template).render(context: context, clock: Self.clock))
        } catch {
            switch error {
            case .raised(let message): return .error(kind: error.code, message: message, line: nil)
            case .syntax(_, let line): return .error(kind: error.code, message: error.description, line: line)
            default: return .error(kind: error.code, message: error.description, line: nil)
            }
        }
    }
}
