package import JSON

/// The object OpenAI clients read from every failed request: `{"error": {message, type, param, code}}`.
package struct ErrorBody: Sendable, Equatable {
    package let message: String
    /// A class of errors, such as `invalid_request_error`.
    package let type: String
    package let parameter: String?
    package let code: String?

    package init(message: String, type: String, parameter: String? = nil, code: String? = nil) {
        self.message = message
        self.type = type
        self.parameter = parameter
        self.code = code
    }

    package var json: JSONValue {
        [
            "error": [
                "message": .string(message),
                "type": .string(type),
                "param": .optional(parameter),
                "code": .optional(code),
            ]
        ]
    }
}
