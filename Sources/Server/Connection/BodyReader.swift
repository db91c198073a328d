import HTTPTypes
import Hummingbird
import NIOCore

/// Collects request bodies, bounded in bytes and time.
struct BodyReader: Sendable {
    /// In bytes.
    let limit: Int
    /// For the whole body.
    let timeout: Duration

    func read(_ request: Request) async throws(ServerError) -> [UInt8] {
        if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limit {
            throw .bodyTooLarge(limit: limit)
        }
        do {
            return try await collect(request.body)
        } catch let error as ServerError {
            throw error
        } catch is NIOTooManyBytesError {
            throw .bodyTooLarge(limit: limit)
        } catch {
            // The connection broke: nobody will read the answer.
            throw .bodyTimeout
        }
    }

    private func collect(_ body: RequestBody) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask { Array(buffer: try await body.collect(upTo: limit)) }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw ServerError.bodyTimeout
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }
}
