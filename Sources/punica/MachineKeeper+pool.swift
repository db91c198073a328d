import Logging
import Provisioning
import Roles

extension MachineKeeper {
    /// Keeps the machines of a pool.
    init(_ pool: any GPUPool, ended: AsyncStream<String>, logger: Logger) {
        self.init(
            acquire: { count in try await pool.acquire(count) },
            release: { machine in
                do throws(PoolError) {
                    try await pool.release(machine)
                    return nil
                } catch {
                    guard case .releaseOutOfOrder(_, let first) = error else { throw error }
                    return first
                }
            },
            ended: ended,
            logger: logger
        )
    }
}
