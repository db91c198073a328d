import AdapterExchange
import Core
import Hummingbird
import NIOCore
import NIOPosix

/// `GET /internal/adapters/<digest>/<file>`: what this frontend published, for runners that share no directory with it.
struct PublishedAdaptersEndpoint: Sendable {
    private static let chunkBytes = 256 << 10

    /// Nil where nothing is published.
    let origin: DirectoryOrigin?
    let stallTimeout: Duration

    func show(
        digest: String,
        file: String,
        _ context: ConnectionContext
    ) async throws(ServerError) -> Response {
        guard let reader = try await open(digest: digest, file: file) else {
            throw .notFound(path: "/internal/adapters/\(digest)/\(file)")
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/octet-stream"],
            body: body(reader, context)
        )
    }

    /// Nil unless it is one of an adapter's two files and the adapter is published.
    private func open(digest: String, file: String) async throws(ServerError) -> AdapterFileReader? {
        guard let origin, let file = AdapterFile(rawValue: file), let digest = AdapterDigest(hex: digest) else {
            return nil
        }
        do {
            return try await NIOThreadPool.singleton.runIfActive { try origin.open(file, of: digest) }
        } catch {
            throw .publishedFile(reason: "\(error)")
        }
    }

    private func body(_ reader: AdapterFileReader, _ context: ConnectionContext) -> ResponseBody {
        ResponseBody(contentLength: reader.byteCount) { [stallTimeout] writer in
            let stall = StallGuard(limit: stallTimeout, channel: context.channel)
            let watching = Task { await stall.run() }
            defer { watching.cancel() }
            var rest = reader.byteCount
            while rest > 0 {
                let count = min(rest, Self.chunkBytes)
                let bytes = try await NIOThreadPool.singleton.runIfActive { try reader.read(upTo: count) }
                // A file that became shorter: the connection breaks off, so that the runner notices.
                guard !bytes.isEmpty else { throw ServerError.publishedFile(reason: "\(rest) bytes are missing") }
                stall.beginWrite()
                try await writer.write(ByteBuffer(bytes: bytes))
                stall.endWrite()
                rest -= bytes.count
            }
            try await writer.finish(nil)
        }
    }
}
