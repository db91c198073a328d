/// How long silence is borne. Shared by all roles, so that each speaks well before another gives up on it.
package struct ClusterTimeouts: Sendable, Equatable {
    /// How often each end of a connection says something.
    package var heartbeat = Duration.seconds(1)
    /// A silent connection is taken for broken after so long.
    package var silence = Duration.seconds(5)

    package init() {}
}
