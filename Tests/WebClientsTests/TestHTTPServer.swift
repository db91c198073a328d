import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A request as a test's server received it.
struct ReceivedRequest: Sendable {
    let method: String
    let path: String
    let headers: [String: String]
    let body: String
}

/// What a test's server answers.
struct GivenAnswer: Sendable {
    var status: HTTPResponseStatus = .ok
    var headers: [(String, String)] = []
    var body: [UInt8] = []
    /// Announced in place of the body's length; the connection is then closed after the body.
    var announcedLength: Int?
}

/// An HTTP server on a loopback port that answers by a closure.
final class TestHTTPServer: Sendable {
    let port: Int
    private let channel: any Channel
    private let log: RequestLog

    var requests: [ReceivedRequest] { log.requests.withLock { $0 } }

    init(
        tls: TLSConfiguration? = nil,
        answer: @escaping @Sendable (ReceivedRequest) -> GivenAnswer
    ) async throws {
        let log = RequestLog()
        self.log = log
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Answerer(log: log, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    deinit { channel.close(promise: nil) }
}

private final class RequestLog: Sendable {
    let requests = Mutex<[ReceivedRequest]>([])
}

private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let log: RequestLog
    private let answer: @Sendable (ReceivedRequest) -> GivenAnswer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(log: RequestLog, answer: @escaping @Sendable (ReceivedRequest) -> GivenAnswer) {
        self.log = log
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let bytes): body += Array(buffer: bytes)
        case .end: respond(context)
        }
    }

    private func respond(_ context: ChannelHandlerContext) {
        guard let head else { return }
        let request = ReceivedRequest(
            method: head.method.rawValue,
            path: head.uri,
            headers: Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { $1 },
            body: String(decoding: body, as: UTF8.self)
        )
        log.requests.withLock { $0.append(request) }
        let answer = answer(request)
        var headers = HTTPHeaders(answer.headers)
        headers.add(name: "Content-Length", value: "\(answer.announcedLength ?? answer.body.count)")
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: answer.status, headers: headers))),
            promise: nil
        )
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        if answer.announcedLength != nil {
            context.flush()
            context.close(promise: nil)
        } else {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
