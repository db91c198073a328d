internal import CCUDA

/// A function that runs on the GPU; it takes one struct of parameters.
package final class Kernel {
    /// Blocks of a grid or threads of a block, along x, y and z.
    package typealias Extent = (x: Int, y: Int, z: Int)

    package let module: Module
    package let name: String
    /// Registers each thread takes.
    package let registerCount: Int
    /// Bytes each thread keeps in local memory: spilled registers and arrays.
    package let localBytes: Int

    private let handle: CUfunction
    /// What the function may ask for so far; without asking, 48 KiB.
    private var sharedBytesAllowed = 48 << 10
    private var allowsLargeClusters = false

    init(_ module: Module, name: String, handle: CUfunction) throws(CUDAError) {
        self.module = module
        self.name = name
        self.handle = handle
        let driver = module.context.driver
        func attribute(_ which: Int) throws(CUDAError) -> Int {
            var value: Int32 = 0
            try driver.check(driver.functions.funcGetAttribute(&value, Int32(which), handle), "cuFuncGetAttribute")
            return Int(value)
        }
        registerCount = try attribute(CU_FUNC_ATTRIBUTE_NUM_REGS)
        localBytes = try attribute(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES)
    }

    /// Runs the kernel in the stream's order; returns before it runs.
    ///
    /// - Parameters:
    ///   - parameters: the kernel's struct, copied at once.
    ///   - grid: blocks; at least 1 each.
    ///   - block: threads; at most 1024 in all.
    ///   - sharedBytes: dynamic shared memory of a block.
    ///   - cluster: blocks that run together and see each other's shared memory (sm_90 and newer).
    ///   - overlapsPredecessor: whether it may start while the kernel before it in the stream still runs; it then waits
    ///     itself (`griddepcontrol.wait`) before it touches what that one makes. Before sm_90 it never overlaps.
    package func launch<Parameters: BitwiseCopyable>(
        _ parameters: Parameters,
        grid: Extent,
        block: Extent,
        sharedBytes: Int = 0,
        cluster: Extent? = nil,
        overlapsPredecessor: Bool = false,
        on stream: Stream
    ) throws(CUDAError) {
        assert(module.context.isCurrent)
        if sharedBytes > sharedBytesAllowed { try allow(sharedBytes: sharedBytes) }
        if let cluster, cluster.x * cluster.y * cluster.z > 8, !allowsLargeClusters { try allowLargeClusters() }
        let overlaps = overlapsPredecessor && module.context.computeCapability.major >= 9
        let result = withUnsafeTemporaryAllocation(of: CUlaunchAttribute.self, capacity: 2) { attributes in
            var configuration = CUlaunchConfig(grid, block, sharedBytes: sharedBytes, stream)
            configuration.attributes = attributes.baseAddress
            if overlaps { configuration.append(.programmaticSerialization) }
            if let cluster { configuration.append(.cluster(cluster)) }
            return enqueue(parameters, &configuration)
        }
        try module.context.driver.check(result, "cuLaunchKernelEx")
    }

    /// Runs the kernel with blocks of one dimension.
    package func launch<Parameters: BitwiseCopyable>(
        _ parameters: Parameters,
        grid: Extent,
        block: Int,
        sharedBytes: Int = 0,
        cluster: Extent? = nil,
        overlapsPredecessor: Bool = false,
        on stream: Stream
    ) throws(CUDAError) {
        try launch(
            parameters,
            grid: grid,
            block: (block, 1, 1),
            sharedBytes: sharedBytes,
            cluster: cluster,
            overlapsPredecessor: overlapsPredecessor,
            on: stream
        )
    }

    /// How many blocks of this many threads and shared bytes one multiprocessor holds at a time.
    package func residentBlocks(blockSize: Int, sharedBytes: Int = 0) throws(CUDAError) -> Int {
        if sharedBytes > sharedBytesAllowed { try allow(sharedBytes: sharedBytes) }
        let driver = module.context.driver
        var count: Int32 = 0
        let result = driver.functions.occupancyMaxActiveBlocksPerMultiprocessor(
            &count,
            handle,
            Int32(blockSize),
            sharedBytes
        )
        try driver.check(result, "cuOccupancyMaxActiveBlocksPerMultiprocessor")
        return Int(count)
    }

    /// Leaves all memory of a multiprocessor to its first cache but what its blocks share, when it holds as many of so many
    /// threads as it can. Unasked it keeps the division that the largest kernel has left, and a first cache that is small
    /// has few loads on their way.
    package func preferFirstCache(blockSize: Int) throws(CUDAError) {
        var bytes: Int32 = 0
        let driver = module.context.driver
        let result = driver.functions.funcGetAttribute(&bytes, Int32(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), handle)
        try driver.check(result, "cuFuncGetAttribute")
        // The system takes 1 KiB of each block's share. A quarter more, since there are few divisions to choose from.
        let needed = try residentBlocks(blockSize: blockSize) * (Int(bytes) + 1024) * 5 / 4
        let all = module.context.sharedBytesPerBlock + 1024
        try set(CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, to: min(100, (100 * needed + all - 1) / all))
    }

    @inline(__always)
    private func enqueue<Parameters: BitwiseCopyable>(
        _ parameters: Parameters,
        _ configuration: inout CUlaunchConfig
    ) -> CUresult {
        withUnsafePointer(to: parameters) { pointer in
            // The driver only reads the struct.
            var argument: UnsafeMutableRawPointer? = UnsafeMutableRawPointer(mutating: pointer)
            return module.context.driver.functions.launchKernel(&configuration, handle, &argument, nil)
        }
    }

    private func allow(sharedBytes: Int) throws(CUDAError) {
        try set(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, to: sharedBytes)
        sharedBytesAllowed = sharedBytes
    }

    private func allowLargeClusters() throws(CUDAError) {
        try set(CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, to: 1)
        allowsLargeClusters = true
    }

    private func set(_ attribute: Int, to value: Int) throws(CUDAError) {
        let driver = module.context.driver
        let result = driver.functions.funcSetAttribute(handle, Int32(attribute), Int32(value))
        try driver.check(result, "cuFuncSetAttribute")
    }
}

extension CUlaunchConfig {
    fileprivate init(_ grid: Kernel.Extent, _ block: Kernel.Extent, sharedBytes: Int, _ stream: Stream) {
        self.init(
            gridX: UInt32(grid.x),
            gridY: UInt32(grid.y),
            gridZ: UInt32(grid.z),
            blockX: UInt32(block.x),
            blockY: UInt32(block.y),
            blockZ: UInt32(block.z),
            sharedBytes: UInt32(sharedBytes),
            stream: stream.handle,
            attributes: nil,
            attributeCount: 0
        )
    }

    /// Adds an attribute where `attributes` has room for it.
    fileprivate mutating func append(_ attribute: CUlaunchAttribute) {
        attributes?.advanced(by: Int(attributeCount)).initialize(to: attribute)
        attributeCount += 1
    }
}

extension CUlaunchAttribute {
    fileprivate static var programmaticSerialization: CUlaunchAttribute {
        var attribute = CUlaunchAttribute()
        attribute.id = Int32(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
        attribute.value.programmaticStreamSerializationAllowed = 1
        return attribute
    }

    fileprivate static func cluster(_ extent: Kernel.Extent) -> CUlaunchAttribute {
        var attribute = CUlaunchAttribute()
        attribute.id = Int32(CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
        attribute.value.clusterSize = CUDAClusterSize(x: UInt32(extent.x), y: UInt32(extent.y), z: UInt32(extent.z))
        return attribute
    }
}
