import JSON

extension KubernetesResponse {
    /// Why the server refused, in one line of at most 500 characters: the message of its `Status`.
    ///
    ///     {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "...",
    ///      "reason": "Conflict", "details": {"name": "runner", "group": "apps", "kind": "statefulsets"}, "code": 409}
    ///
    /// What is no `Status` stands for itself: a server that is too busy, or a proxy before it, answers in plain text.
    var failure: String {
        let status = try? JSONValue(parsing: body)
        let message = status?["message"]?.string ?? String(decoding: body, as: UTF8.self)
        return message.prefix(500).split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
