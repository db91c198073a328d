import JSON

/// One message of a conversation, brought to the shape that chat templates read.
enum ChatMessage {
    private static let roles = ["system", "developer", "user", "assistant", "tool"]

    /// Checks a message and returns it with its content as one string.
    ///
    /// Text parts are joined by newlines; `developer` becomes `system`; a tool call's arguments become an object if
    /// they are one in JSON, or empty. Other members of the message are kept for the template, except those that say
    /// nothing: clients send back whole answers, whose `tool_calls` may be null or empty, and templates ask whether
    /// a member is there.
    static func normalized(_ value: JSONValue, path: String) throws(OpenAIError) -> JSONValue {
        let fields = try FieldReader(value, path: path)
        guard case .object(var message) = value else { throw .missing(field: path) }
        let role = try fields.requiredString("role")
        guard roles.contains(role) else {
            let bound = "one of \(roles.joined(separator: ", "))"
            throw .outOfRange(field: fields.path("role"), bound: bound, value: "'\(role)'")
        }
        message["role"] = .string(role == "developer" ? "system" : role)
        let calls = try toolCalls(fields) ?? []
        message["tool_calls"] = calls.isEmpty ? nil : .array(calls)
        message["content"] = try content(fields, isOptional: role == "assistant")
        return .object(JSONObject(zip(message.keys, message.values).filter { $0.1 != .null }))
    }

    private static func content(_ fields: FieldReader, isOptional: Bool) throws(OpenAIError) -> JSONValue {
        switch fields.value("content") {
        case .string(let text): return .string(text)
        case .array(let parts): return .string(try text(of: parts, path: fields.path("content")))
        case nil where isOptional: return .string("")
        case nil: throw .missing(field: fields.path("content"))
        case .some(let other):
            let expected = "a string or an array of text parts"
            throw .wrongType(field: fields.path("content"), expected: expected, actual: other.typeName)
        }
    }

    private static func text(of parts: [JSONValue], path: String) throws(OpenAIError) -> String {
        var texts: [String] = []
        for (index, part) in parts.enumerated() {
            let fields = try FieldReader(part, path: "\(path)[\(index)]")
            let type = try fields.requiredString("type")
            guard type == "text" else {
                throw .unsupported(field: fields.path("type"), reason: "only text parts are, got '\(type)'")
            }
            guard let text = try fields.string("text") else { throw .missing(field: fields.path("text")) }
            texts.append(text)
        }
        return texts.joined(separator: "\n")
    }

    private static func toolCalls(_ fields: FieldReader) throws(OpenAIError) -> [JSONValue]? {
        guard let elements = try fields.array("tool_calls") else { return nil }
        var calls: [JSONValue] = []
        for (index, element) in elements.enumerated() {
            calls.append(try toolCall(element, path: "\(fields.path("tool_calls"))[\(index)]"))
        }
        return calls
    }

    private static func toolCall(_ value: JSONValue, path: String) throws(OpenAIError) -> JSONValue {
        let fields = try FieldReader(value, path: path)
        guard case .object(var call) = value, let function = fields.value("function") else {
            throw .missing(field: fields.path("function"))
        }
        let members = try FieldReader(function, path: fields.path("function"))
        _ = try members.requiredString("name")
        guard case .object(var object) = function, case .string(let text)? = members.value("arguments"),
            let arguments = try? JSONValue(parsing: [UInt8]((text.isEmpty ? "{}" : text).utf8)),
            case .object = arguments
        else { return value }
        object["arguments"] = arguments
        call["function"] = .object(object)
        return .object(call)
    }
}
