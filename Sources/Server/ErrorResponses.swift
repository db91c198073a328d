import Adapters
import Engine
import Frontend
import HTTPTypes
import OpenAI

/// How one error is told: the only place where errors become statuses.
struct ErrorAnswer: Equatable {
    /// OpenAI's `type`.
    enum Kind: String {
        case authentication = "authentication_error"
        case conflict = "conflict_error"
        case invalidRequest = "invalid_request_error"
        case notFound = "not_found_error"
        case overloaded = "overloaded_error"
        case permission = "permission_error"
        case rateLimit = "rate_limit_error"
        case server = "server_error"
    }

    let status: Int
    let kind: Kind
    /// Fixed words only: it is a metric label.
    let code: String
    var parameter: String?

    init(_ status: Int, _ kind: Kind, _ code: String, parameter: String? = nil) {
        self.status = status
        self.kind = kind
        self.code = code
        self.parameter = parameter
    }
}

extension ServerError {
    var answer: ErrorAnswer {
        switch self {
        case .adapter(let error): error.adminAnswer
        case .adminIsLocal: ErrorAnswer(403, .permission, "admin_is_local")
        case .bodyTimeout: ErrorAnswer(408, .invalidRequest, "request_timeout")
        case .bodyTooLarge: ErrorAnswer(413, .invalidRequest, "request_too_large")
        case .deviceFailed: ErrorAnswer(503, .server, "device_failed")
        case .draining: ErrorAnswer(503, .overloaded, "draining")
        case .frontend(let error): error.answer
        case .invalidKey: ErrorAnswer(401, .authentication, "invalid_api_key")
        case .methodNotAllowed: ErrorAnswer(405, .invalidRequest, "method_not_allowed")
        case .missingKey: ErrorAnswer(401, .authentication, "missing_api_key")
        case .notFound: ErrorAnswer(404, .notFound, "not_found")
        case .publishedFile: ErrorAnswer(500, .server, "published_file_unreadable")
        case .request(let error): error.answer
        }
    }

    /// Headers that the status asks for.
    var headers: HTTPFields {
        switch self {
        case .methodNotAllowed(let methods): [.allow: methods.joined(separator: ", ")]
        case .invalidKey, .missingKey: [.wwwAuthenticate: "Bearer"]
        default:
            switch answer.status {
            case 429: [.retryAfter: "1"]
            case 503: [.retryAfter: "5"]
            default: [:]
            }
        }
    }

    /// Whether it comes before the whole body was read.
    var leavesBody: Bool {
        switch self {
        case .adminIsLocal, .bodyTimeout, .bodyTooLarge, .draining, .invalidKey, .methodNotAllowed, .missingKey,
            .notFound:
            true
        default: false
        }
    }
}

extension FrontendError {
    fileprivate var answer: ErrorAnswer {
        switch self {
        case .adapter(let error): error.requestAnswer
        case .cancelled: ErrorAnswer(503, .overloaded, "cancelled")
        case .contextExceeded: ErrorAnswer(400, .invalidRequest, "context_length_exceeded")
        case .engine(let error): error.answer
        case .invalid(let error): error.answer
        case .modelNotFound: ErrorAnswer(404, .notFound, "model_not_found", parameter: "model")
        case .noChatTemplate: ErrorAnswer(400, .invalidRequest, "no_chat_template", parameter: "model")
        case .readerTooSlow: ErrorAnswer(503, .overloaded, "reader_too_slow")
        case .template: ErrorAnswer(400, .invalidRequest, "chat_template_error", parameter: "messages")
        }
    }
}

extension OpenAIError {
    fileprivate var answer: ErrorAnswer { ErrorAnswer(400, .invalidRequest, code, parameter: parameter) }
}

extension EngineError {
    fileprivate var answer: ErrorAnswer {
        switch self {
        case .backend: ErrorAnswer(500, .server, "engine_failed")
        case .draining: ErrorAnswer(503, .overloaded, "draining")
        case .emptyPrompt: ErrorAnswer(400, .invalidRequest, "empty_prompt", parameter: "prompt")
        case .noRoom: ErrorAnswer(400, .invalidRequest, "no_room")
        case .promptTooLong: ErrorAnswer(400, .invalidRequest, "context_length_exceeded")
        case .queueFull: ErrorAnswer(429, .rateLimit, "queue_full")
        case .stopped: ErrorAnswer(503, .overloaded, "stopped")
        case .tokenOutOfRange: ErrorAnswer(400, .invalidRequest, "value_out_of_range", parameter: "prompt")
        }
    }
}

extension AdapterError {
    /// To an administrator, whose directory or name is at fault.
    fileprivate var adminAnswer: ErrorAnswer {
        switch self {
        case .unknownAdapter: ErrorAnswer(404, .notFound, "adapter_not_found")
        case .invalidName: ErrorAnswer(400, .invalidRequest, "invalid_adapter_name")
        case .nameTaken, .conflict: ErrorAnswer(409, .conflict, "adapter_conflict")
        case .outsideRoot: ErrorAnswer(403, .permission, "adapter_outside_root")
        case .budgetExceeded: ErrorAnswer(503, .overloaded, "adapter_memory_full")
        case .unavailable: ErrorAnswer(503, .overloaded, "adapter_unavailable")
        default: ErrorAnswer(400, .invalidRequest, "invalid_adapter")
        }
    }

    /// To a tenant, who can do nothing about it.
    fileprivate var requestAnswer: ErrorAnswer {
        switch self {
        case .unknownAdapter: ErrorAnswer(404, .notFound, "model_not_found", parameter: "model")
        case .budgetExceeded: ErrorAnswer(503, .overloaded, "adapter_memory_full")
        case .unavailable: ErrorAnswer(503, .overloaded, "adapter_unavailable")
        default: ErrorAnswer(500, .server, "adapter_unavailable")
        }
    }
}
