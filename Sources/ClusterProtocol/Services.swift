/// The services by the names that the rest of the package uses.
package typealias WireSchedulerService = Punica_Cluster_V1_Scheduler
package typealias WireRunnerService = Punica_Cluster_V1_Runner
