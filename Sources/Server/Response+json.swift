import HTTPTypes
import Hummingbird
import JSON
import NIOCore

extension Response {
    init(json: JSONValue, status: HTTPResponse.Status = .ok) {
        self.init(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.encodedBytes()))
        )
    }

    init(text: String, contentType: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok) {
        self.init(
            status: status,
            headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}

extension HTTPField.Name {
    /// The content that answered, for callers who must know which version of an adapter it was.
    static let adapterDigest = known("x-punica-adapter-digest")
    static let forwarded = known("forwarded")
    static let forwardedFor = known("x-forwarded-for")
    static let requestID = known("x-request-id")

    static func known(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("'\(name)' is no header name") }
        return field
    }
}
