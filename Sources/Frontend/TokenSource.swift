package import Core
package import Engine

/// Where tokens come from: the engine of this process, or whatever stands for engines elsewhere.
package protocol TokenSource: Sendable {
    /// Takes a request; its stream ends with exactly one terminal event, unless the caller cancels first.
    func submit(_ request: GenerationRequest) throws(EngineError) -> GenerationEvents
    /// Ends a request; unknown and finished ids are ignored.
    func cancel(_ id: RequestID)
    var statistics: EngineStatistics { get }
}
