import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import OpenAI

/// One request's way: id → route → access → endpoint → response, with every error told by one table.
struct Responder: HTTPResponder {
    typealias Context = ConnectionContext

    let endpoints: Endpoints
    let access: AccessRules
    let failures: FailureLog
    /// What this socket serves; the rest does not exist here.
    let groups: Set<Endpoint.Group>

    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let id = RandomID.accepted(request.headers[.requestID]) ?? RandomID.next()
        var context = context
        context.requestID = id
        var response: Response
        var leavesBody = true
        do throws(ServerError) {
            let endpoint = try route(request)
            leavesBody = !endpoint.readsBody
            try access.check(endpoint.group, request.headers, host: request.head.authority)
            response = try await endpoints.respond(endpoint, request, context)
        } catch {
            response = refuse(error, context)
            leavesBody = leavesBody || error.leavesBody
        }
        response.headers[.requestID] = id
        if leavesBody, request.announcesBody { context.close(after: &response) }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func route(_ request: Request) throws(ServerError) -> Endpoint {
        let path = request.uri.path.percentDecoded ?? request.uri.path
        switch Endpoint.find(method: request.method.rawValue, path: path) {
        case .endpoint(let endpoint) where groups.contains(endpoint.group): return endpoint
        case .otherMethods(let methods): throw .methodNotAllowed(methods)
        default: throw .notFound(path: path)
        }
    }

    private func refuse(_ error: ServerError, _ context: ConnectionContext) -> Response {
        failures.note(error, context)
        let status = HTTPResponse.Status(code: error.answer.status)
        var response = Response(json: error.body.json, status: status)
        response.headers.append(contentsOf: error.headers)
        return response
    }
}

extension Request {
    /// Whether a body follows, however short.
    fileprivate var announcesBody: Bool {
        headers[.transferEncoding] != nil || headers[.contentLength].map { $0 != "0" } ?? false
    }
}
