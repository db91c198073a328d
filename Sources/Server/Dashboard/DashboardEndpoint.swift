import Cluster
import HTTPTypes
import Hummingbird
import JSON
import OpenAI

/// `/dashboard` and what its page asks for.
struct DashboardEndpoint: Sendable {
    let page = DashboardPage()
    let monitor: DashboardMonitor

    /// `{"snapshot": …, "history": …}`; with `?after=TIME` only the samples younger than that.
    func state(_ request: Request) async throws(ServerError) -> Response {
        let time = try Self.after(request)
        let (latest, history) = await monitor.view()
        var response = Response(json: ["snapshot": latest.json, "history": history.json(after: time)])
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private static func after(_ request: Request) throws(ServerError) -> Double? {
        guard let text = request.uri.queryParameters["after"] else { return nil }
        guard let time = Double(text), time.isFinite else {
            let error = OpenAIError.outOfRange(field: "after", bound: "seconds since 1970", value: "'\(text)'")
            throw .request(error)
        }
        return time
    }
}
