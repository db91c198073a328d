import Core
import Frontend
import HTTPTypes
import Hummingbird
import OpenAI

/// `/v1/completions` and `/v1/chat/completions`: body → valid request → generation → response.
struct GeneratingEndpoint: Sendable {
    let frontend: Frontend
    let answers: ActiveAnswers
    let failures: FailureLog
    let body: BodyReader
    let stallTimeout: Duration

    func completions(_ request: Request, _ context: ConnectionContext) async throws(ServerError) -> Response {
        let ticket = try answers.begin()
        let parsed = try CompletionRequest.valid(try await body.read(request))
        let generation = try await wrapped { () throws(FrontendError) in try await frontend.complete(parsed) }
        let head = ResponseHead(id: "cmpl-" + RandomID.next(), created: Clock.seconds, model: parsed.model)
        let format = CompletionResponse(head: head, reportsUsage: parsed.options.streamsUsage)
        return try await answer(generation, format, parsed.options, ticket, context)
    }

    func chat(_ request: Request, _ context: ConnectionContext) async throws(ServerError) -> Response {
        let ticket = try answers.begin()
        let parsed = try ChatRequest.valid(try await body.read(request))
        let generation = try await wrapped { () throws(FrontendError) in try await frontend.chat(parsed) }
        let head = ResponseHead(id: "chatcmpl-" + RandomID.next(), created: Clock.seconds, model: parsed.model)
        let format = ChatResponse(head: head, reportsUsage: parsed.options.streamsUsage)
        return try await answer(generation, format, parsed.options, ticket, context)
    }

    private func answer(
        _ generation: Generation,
        _ format: some AnswerFormat,
        _ options: GenerationOptions,
        _ ticket: ActiveAnswers.Ticket,
        _ context: ConnectionContext
    ) async throws(ServerError) -> Response {
        ticket.attach(generation)
        var response =
            options.isStreaming
            ? stream(generation, format, options, ticket, context)
            : try await whole(generation, format, ticket, context)
        if let digest = generation.adapterDigest { response.headers[.adapterDigest] = digest.hex }
        return response
    }

    private func whole(
        _ generation: Generation,
        _ format: some AnswerFormat,
        _ ticket: ActiveAnswers.Ticket,
        _ context: ConnectionContext
    ) async throws(ServerError) -> Response {
        let watch = await context.whenClientGoes { generation.cancel() }
        defer { withExtendedLifetime((watch, ticket)) {} }
        let (choices, usage) = try await wrapped { () throws(FrontendError) in try await generation.whole() }
        return Response(json: format.json(choices: choices, usage: usage))
    }

    private func stream(
        _ generation: Generation,
        _ format: some AnswerFormat,
        _ options: GenerationOptions,
        _ ticket: ActiveAnswers.Ticket,
        _ context: ConnectionContext
    ) -> Response {
        let stream = EventStream(
            generation: generation,
            format: format,
            reportsUsage: options.streamsUsage,
            stallTimeout: stallTimeout,
            failures: failures
        )
        let headers: HTTPFields = [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"]
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody { writer in
                defer { withExtendedLifetime(ticket) {} }
                try await stream.write(to: &writer, context: context)
            }
        )
    }
}

/// Runs a frontend's work and wraps its error.
func wrapped<Value: Sendable>(
    _ work: () async throws(FrontendError) -> Value
) async throws(ServerError) -> Value {
    do {
        return try await work()
    } catch {
        throw .frontend(error)
    }
}
