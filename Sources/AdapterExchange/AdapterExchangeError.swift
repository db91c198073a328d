package import Adapters
package import Core

/// Why an adapter cannot be had from where it should be, or is refused.
package enum AdapterExchangeError: Error, Equatable, Sendable {
    /// The origin does not have it.
    case notFound(digest: AdapterDigest, origin: String)
    /// A file of it is not one that is accepted: a link, a device, a directory.
    case irregularFile(path: String)
    case fileTooLarge(path: String, bytes: Int, limit: Int)
    /// A file ended before, or went on after, the length that was announced.
    case lengthMismatch(path: String, announced: Int, found: Int)
    /// A system call failed.
    case system(operation: String, path: String, reason: String)
    /// An HTTP origin cannot be reached, or broke off.
    case unreachable(url: String, reason: String)
    /// An HTTP origin answered with something else than the file.
    case unexpectedStatus(url: String, status: Int)
    case invalidURL(url: String, reason: String)
    /// The adapter is larger than what the cache may hold beside what is in use now. Counts are bytes.
    case cacheFull(needed: Int, available: Int)
    /// Another process uses the cache's directory.
    case cacheInUse(path: String)
    /// What was fetched is not what was asked for; it has been removed.
    case forged(digest: AdapterDigest, found: AdapterDigest)
    /// What was fetched cannot be loaded.
    case adapter(AdapterError)
}

extension AdapterExchangeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound(let digest, let origin): "\(origin) has no adapter \(digest.hex)"
        case .irregularFile(let path): "\(path) is no regular file"
        case .fileTooLarge(let path, let bytes, let limit): "\(path) has \(bytes) bytes or more, the bound is \(limit)"
        case .lengthMismatch(let path, let announced, let found):
            "\(path) was announced with \(announced) bytes, but has \(found)"
        case .system(let operation, let path, let reason): "cannot \(operation) \(path): \(reason)"
        case .unreachable(let url, let reason): "cannot fetch \(url): \(reason)"
        case .unexpectedStatus(let url, let status): "\(url) answered with status \(status)"
        case .invalidURL(let url, let reason): "'\(url)' is no origin of adapters: \(reason)"
        case .cacheFull(let needed, let available):
            "the adapter needs \(needed) bytes of the disk cache, but at most \(available) can be made free now"
        case .cacheInUse(let path): "another process uses the adapter cache \(path)"
        case .forged(let digest, let found): "what came as adapter \(digest.hex) is \(found.hex); it was removed"
        case .adapter(let error): error.description
        }
    }
}
