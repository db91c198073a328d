package import Cluster
package import Logging

/// A process that decides where requests run. There is one in a cluster, and it may be killed and started again.
package struct SchedulerRole: Sendable {
    package struct Options: Sendable {
        package var listen: NetworkAddress
        package var security: ClusterSecurity
        package var configuration: ClusterConfiguration
        package var timeouts = ClusterTimeouts()
        /// Where machines come from; nil if runners come by themselves.
        package var machines: MachineKeeper?

        package init(listen: NetworkAddress, security: ClusterSecurity, configuration: ClusterConfiguration) {
            self.listen = listen
            self.security = security
            self.configuration = configuration
        }
    }

    private let options: Options
    private let logger: Logger

    package init(_ options: Options, logger: Logger) {
        self.options = options
        self.logger = logger
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onListening: called with the real address.
    package func run(onListening: @escaping @Sendable (NetworkAddress) -> Void = { _ in }) async throws {
        let desk = SchedulerDesk(
            options.configuration,
            machines: options.machines,
            timeouts: options.timeouts,
            logger: logger
        )
        let service = SchedulerService(desk: desk, security: options.security, logger: logger)
        let server = try await ClusterServer.start(
            on: options.listen,
            security: options.security,
            services: [service]
        )
        onListening(server.address)
        let heartbeat = options.timeouts.heartbeat
        await withTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(100))
                    await desk.tick()
                }
            }
            if let machines = options.machines {
                group.addTask { for await machine in machines.ended { await desk.machineEnded(machine) } }
            }
            group.addTask {
                while !Task.isCancelled {
                    await desk.beat()
                    try? await Task.sleep(for: heartbeat)
                }
            }
        }
        await server.stop()
    }
}
