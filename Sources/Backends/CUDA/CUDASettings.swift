/// How a GPU is used.
package struct CUDASettings: Sendable, Equatable {
    /// Which GPU, counted from 0.
    package var ordinal: Int
    /// The share of the GPU's memory that the model, its activations, keys, values and adapters may take together.
    package var memoryUtilization: Double
    /// Host memory for adapters that are ready to be copied.
    package var pinnedBytes: Int
    /// Most adapters on the GPU at once.
    package var adapterSlots: Int
    /// Whether decode steps run as recorded graphs.
    package var usesGraphs: Bool
    /// Whether ranks of a split model add up few numbers by reading each other's memory rather than through NCCL.
    package var sumsDirectly: Bool

    package init(
        ordinal: Int = 0,
        memoryUtilization: Double = 0.9,
        pinnedBytes: Int = 8 << 30,
        adapterSlots: Int = 1024,
        usesGraphs: Bool = true,
        sumsDirectly: Bool = true
    ) {
        self.ordinal = ordinal
        self.memoryUtilization = memoryUtilization
        self.pinnedBytes = pinnedBytes
        self.adapterSlots = adapterSlots
        self.usesGraphs = usesGraphs
        self.sumsDirectly = sumsDirectly
    }
}
