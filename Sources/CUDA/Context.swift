internal import CCUDA

/// One GPU as this process uses it (the driver's primary context).
///
/// Calls that touch the GPU come from a thread on which the context is current: the one that made it, and every other
/// after `makeCurrent`. Debug builds check this.
package final class Context: Sendable {
    package let driver: Driver
    package let ordinal: Int
    package let name: String
    package let computeCapability: (major: Int, minor: Int)
    package let multiprocessorCount: Int
    /// Bytes of device memory.
    package let totalMemory: Int
    package let l2Bytes: Int
    /// The most dynamic shared memory a block may ask for.
    package let sharedBytesPerBlock: Int

    // The driver's handle, which may be used from any thread.
    nonisolated(unsafe) let handle: CUcontext
    private let device: CUdevice

    /// Takes a GPU and makes it current on this thread.
    package init(_ driver: Driver, ordinal: Int = 0) throws(CUDAError) {
        let functions = driver.functions
        let count = try driver.deviceCount()
        guard ordinal >= 0, ordinal < count else { throw .noDevice(ordinal: ordinal, count: count) }
        var device: CUdevice = 0
        try driver.check(functions.deviceGet(&device, Int32(ordinal)), "cuDeviceGet")
        let traits = try DeviceTraits(driver, device)
        var handle: CUcontext?
        try driver.check(functions.devicePrimaryCtxRetain(&handle, device), "cuDevicePrimaryCtxRetain")
        guard let handle else { preconditionFailure("cuDevicePrimaryCtxRetain succeeded without a context") }
        self.driver = driver
        self.ordinal = ordinal
        self.device = device
        self.handle = handle
        name = traits.name
        computeCapability = (traits.major, traits.minor)
        multiprocessorCount = traits.multiprocessorCount
        totalMemory = traits.totalMemory
        l2Bytes = traits.l2Bytes
        sharedBytesPerBlock = traits.sharedBytesPerBlock
        try makeCurrent()
    }

    deinit { _ = driver.functions.devicePrimaryCtxRelease(device) }

    /// Lets this thread use the GPU.
    package func makeCurrent() throws(CUDAError) {
        try driver.check(driver.functions.ctxSetCurrent(handle), "cuCtxSetCurrent")
    }

    /// Whether this thread may use the GPU.
    package var isCurrent: Bool {
        var current: CUcontext?
        return driver.functions.ctxGetCurrent(&current) == 0 && current == handle
    }

    /// Bytes of device memory nobody has taken.
    package func freeMemory() throws(CUDAError) -> Int {
        assert(isCurrent)
        var free = 0
        var total = 0
        try driver.check(driver.functions.memGetInfo(&free, &total), "cuMemGetInfo")
        return free
    }

    /// The name NVRTC knows the GPU by. From sm_90 on with the instructions of this very architecture.
    package var architecture: String {
        "sm_\(computeCapability.major)\(computeCapability.minor)\(computeCapability.major >= 9 ? "a" : "")"
    }

    /// Gives a handle back from whichever thread dropped its last reference.
    ///
    /// What the driver answers is dropped: after a sticky error it refuses, and the process is about to end.
    func release(_ body: (CUDADriverFunctions) -> CUresult) {
        _ = driver.functions.ctxPushCurrent(handle)
        _ = body(driver.functions)
        var popped: CUcontext?
        _ = driver.functions.ctxPopCurrent(&popped)
    }
}

/// What the driver tells about a GPU.
private struct DeviceTraits {
    let name: String
    let major, minor, multiprocessorCount, totalMemory, l2Bytes, sharedBytesPerBlock: Int

    init(_ driver: Driver, _ device: CUdevice) throws(CUDAError) {
        let functions = driver.functions
        var text = [CChar](repeating: 0, count: 256)
        try driver.check(functions.deviceGetName(&text, Int32(text.count), device), "cuDeviceGetName")
        name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var total = 0
        try driver.check(functions.deviceTotalMem(&total, device), "cuDeviceTotalMem")
        totalMemory = total
        func attribute(_ which: Int) throws(CUDAError) -> Int {
            var value: Int32 = 0
            try driver.check(functions.deviceGetAttribute(&value, Int32(which), device), "cuDeviceGetAttribute")
            return Int(value)
        }
        major = try attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
        minor = try attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
        multiprocessorCount = try attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
        l2Bytes = try attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)
        sharedBytesPerBlock = try attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
    }
}
