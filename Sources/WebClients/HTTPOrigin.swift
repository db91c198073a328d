package import AdapterExchange
package import AsyncHTTPClient
package import Core
import NIOCore
import NIOHTTP1
import NIOPosix

/// Adapters from an HTTP server, such as a frontend's `/internal/adapters`: `URL/<digest>/<file>`.
package struct HTTPOrigin: AdapterOrigin {
    private let url: String
    private let key: String?
    private let limits: AdapterFileLimits
    private let timeout: Duration
    private let client: HTTPClient

    /// - Parameters:
    ///   - url: absolute, `http` or `https`, without query.
    ///   - key: presented as a bearer token.
    ///   - timeout: for an answer to begin and for the whole of each file.
    ///   - client: from `makeClient`; the caller shuts it down.
    package init(
        url: String,
        key: String? = nil,
        limits: AdapterFileLimits = .init(),
        timeout: Duration = .seconds(600),
        client: HTTPClient
    ) throws(AdapterExchangeError) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw .invalidURL(url: url, reason: "it must begin with http:// or https://")
        }
        guard !url.contains("?"), !url.contains("#") else {
            throw .invalidURL(url: url, reason: "it must have neither query nor fragment")
        }
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.key = key
        self.limits = limits
        self.timeout = timeout
        self.client = client
    }

    /// A client for origins: it follows no redirects, so that a key stays with the server that it is for.
    package static func makeClient() -> HTTPClient {
        HTTPClient(configuration: .init(redirectConfiguration: .disallow))
    }

    package func fetch(_ digest: AdapterDigest, into directory: String) async throws(AdapterExchangeError) {
        for file in AdapterFile.allCases { try await fetch(file, of: digest, into: directory) }
    }

    private func fetch(
        _ file: AdapterFile,
        of digest: AdapterDigest,
        into directory: String
    ) async throws(AdapterExchangeError) {
        let fileURL = "\(url)/\(digest.hex)/\(file.rawValue)"
        do {
            let response = try await client.execute(request(fileURL), timeout: TimeAmount(timeout))
            guard response.status != .notFound else {
                throw AdapterExchangeError.notFound(digest: digest, origin: url)
            }
            guard response.status == .ok else {
                throw AdapterExchangeError.unexpectedStatus(url: fileURL, status: Int(response.status.code))
            }
            try await Self.write(
                response,
                fileURL,
                AdapterFileWriter(directory: directory, file: file, limit: limits[file])
            )
        } catch let error as AdapterExchangeError {
            throw error
        } catch {
            throw .unreachable(url: fileURL, reason: "\(error)")
        }
    }

    private func request(_ fileURL: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: fileURL)
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        return request
    }

    private static func write(
        _ response: HTTPClientResponse,
        _ url: String,
        _ writer: AdapterFileWriter
    ) async throws {
        let announced = response.headers.first(name: "Content-Length").flatMap { Int($0) }
        for try await chunk in response.body {
            // The disk is waited for on a thread that is there for it.
            try await NIOThreadPool.singleton.runIfActive { try chunk.withUnsafeReadableBytes { try writer.write($0) } }
        }
        if let announced, announced != writer.byteCount {
            throw AdapterExchangeError.lengthMismatch(path: url, announced: announced, found: writer.byteCount)
        }
        try await NIOThreadPool.singleton.runIfActive { try writer.finish() }
    }
}
