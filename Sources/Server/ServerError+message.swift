import Adapters
import Frontend
import OpenAI

extension ServerError: CustomStringConvertible {
    /// The whole truth, for logs and administrators.
    var description: String {
        switch self {
        case .adapter(let error): "\(error)"
        case .adminIsLocal:
            "Admin routes without an admin key answer programs of this machine only, on a loopback address and under its name, "
                + "and no web pages or proxies: set a key."
        case .bodyTimeout: "The request's body did not arrive in time."
        case .bodyTooLarge(let limit): "The request's body is larger than \(limit) bytes."
        case .deviceFailed(let reason): "The device has failed and the server must be started anew: \(reason)"
        case .draining: "The server is shutting down and takes no new requests."
        case .frontend(let error): "\(error)"
        case .invalidKey: "The key is not valid here."
        case .methodNotAllowed(let methods): "This path takes \(methods.joined(separator: " or ")) only."
        case .missingKey: "A key is needed: send the header 'Authorization: Bearer KEY'."
        case .notFound(let path): "There is nothing at '\(path)'."
        case .publishedFile(let reason): "The adapter's file cannot be read: \(reason)"
        case .request(let error): "\(error)"
        }
    }

    /// What the client reads.
    ///
    /// A tenant is not told where adapters lie or what is wrong with their files.
    var message: String {
        guard case .frontend(.adapter(let error)) = self else { return description }
        switch error {
        case AdapterError.budgetExceeded: return "Memory for adapters is taken by running requests; try again."
        case AdapterError.unavailable: return "The adapter cannot be had now; try again."
        default: return "The adapter cannot be loaded."
        }
    }

    var body: ErrorBody {
        let answer = answer
        return ErrorBody(message: message, type: answer.kind.rawValue, parameter: answer.parameter, code: answer.code)
    }
}
