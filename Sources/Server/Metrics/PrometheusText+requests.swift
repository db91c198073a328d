import Frontend

extension PrometheusText {
    mutating func write(_ requests: RequestMetrics.Snapshot) {
        metric("punica_requests_active", .gauge, "Sequences that clients wait for.", requests.active)
        metric("punica_prompt_tokens_total", .counter, "Prompt tokens of accepted requests.", requests.promptTokens)
        metric("punica_generation_tokens_total", .counter, "Tokens given to clients.", requests.generatedTokens)
        let ended = RequestMetrics.SequenceEnding.allCases.map {
            Sample(["finished_reason": $0.rawValue], Double(requests.ended[$0] ?? 0))
        }
        metric("punica_requests_finished_total", .counter, "Sequences that ended, by how.", ended)
        histogram(
            "punica_time_to_first_token_seconds",
            "From a request's arrival to its first token.",
            requests.firstToken
        )
        histogram("punica_inter_token_latency_seconds", "Between tokens of one sequence.", requests.interToken)
        histogram(
            "punica_e2e_request_latency_seconds",
            "From a request's arrival to its end.",
            requests.wholeRequest
        )
    }

    /// - Parameter errors: counts by code.
    mutating func write(errors: [String: Int]) {
        let samples = errors.sorted { $0.key < $1.key }.map { Sample(["code": $0.key], Double($0.value)) }
        metric("punica_request_errors_total", .counter, "Requests refused or failed, by code.", samples)
    }
}
