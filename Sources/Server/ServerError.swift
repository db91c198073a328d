import Adapters
import Frontend
import OpenAI

/// Why a request is not answered with what it asked for.
///
/// `ErrorResponses.swift` says how each is told.
enum ServerError: Error, Equatable {
    /// An admin request that the store refused.
    case adapter(AdapterError)
    case adminIsLocal
    case bodyTimeout
    case bodyTooLarge(limit: Int)
    /// The device can compute no more; why.
    case deviceFailed(String)
    case draining
    case frontend(FrontendError)
    case invalidKey
    case methodNotAllowed([String])
    case missingKey
    case notFound(path: String)
    /// A published adapter's file cannot be read.
    case publishedFile(reason: String)
    case request(OpenAIError)
}
