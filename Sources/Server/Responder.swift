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
    let errors: ErrorCounts
    /// What this socket serves; the rest does not exist here.
    let groups: Set<Endpoint.Group>

    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let id = RandomID.accepted(request.headers[.requestID]) ?? RandomID.next()
        var response: Response
        do throws(ServerError) {
            let endpoint = try route(request)
            try access.check(endpoint.group, request.headers)
            response = try await endpoints.respond(endpoint, request, context)
        } catch {
            response = refuse(error, id, context)
        }
        response.headers[.requestID] = id
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

    private func refuse(_ error: ServerError, _ id: String, _ context: ConnectionContext) -> Response {
        let answer = error.answer
        errors.add(answer.code)
        if answer.status == 500 {
            context.logger.error("request failed", metadata: ["request": "\(id)", "error": "\(error)"])
        }
        var response = Response(json: error.body.json, status: HTTPResponse.Status(code: answer.status))
        response.headers.append(contentsOf: error.headers)
        guard error.closesConnection else { return response }
        response.headers[.connection] = "close"
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(writer)
            context.closeSoon()
        }
        return response
    }
}
