import CCUDA
import CUDA
import Testing

@Suite struct DriverTests {
    @Test func `an error carries call, code, name and meaning`() throws {
        try FakeDriver.run { fake, context in
            fake.failures["streamSynchronize"] = 700
            let stream = try Stream(context)
            let error = #expect(throws: CUDAError.self) { try stream.synchronize() }
            #expect(
                error
                    == .call(
                        function: "cuStreamSynchronize",
                        code: 700,
                        name: "CUDA_ERROR_ILLEGAL_ADDRESS",
                        meaning: "an illegal memory access was encountered"
                    )
            )
            #expect(error?.isSticky == true)
            #expect(error?.isOutOfMemory == false)
            #expect(
                error?.description
                    == "cuStreamSynchronize failed: an illegal memory access was encountered "
                    + "(CUDA_ERROR_ILLEGAL_ADDRESS, 700)"
            )
        }
    }

    @Test func `an error that the driver cannot name is still an error`() throws {
        try FakeDriver.run { fake, context in
            fake.failures["setCurrent"] = 4711
            let error = #expect(throws: CUDAError.self) { try context.makeCurrent() }
            #expect(error?.isSticky == false)
            #expect(error?.description.contains("4711") == true)
        }
    }

    @Test func `memory that ran out is told from a lost context`() throws {
        try FakeDriver.run { fake, context in
            fake.failures["memAlloc"] = 2
            let error = #expect(throws: CUDAError.self) { _ = try DeviceBuffer(context, byteCount: 1 << 40) }
            #expect(error?.isOutOfMemory == true)
            #expect(error?.isSticky == false)
            #expect(fake.count("memFree") == 0)
        }
    }

    @Test func `a code of another library is not sticky`() {
        let error = CUDAError.call(function: "nvrtcCompileProgram", code: 700, name: "NVRTC_ERROR", meaning: "")
        #expect(!error.isSticky)
    }

    @Test func `a GPU that is not there is refused`() throws {
        let error = #expect(throws: CUDAError.self) {
            try FakeDriver.run({ $0.deviceCount = 0 }) { _, _ in }
        }
        #expect(error == .noDevice(ordinal: 0, count: 0))
        try FakeDriver.run { _, context in
            #expect(throws: CUDAError.noDevice(ordinal: 1, count: 1)) { _ = try Context(context.driver, ordinal: 1) }
            #expect(throws: CUDAError.noDevice(ordinal: -1, count: 1)) { _ = try Context(context.driver, ordinal: -1) }
        }
    }

    @Test func `a context tells what the GPU is`() throws {
        try FakeDriver.run { _, context in
            #expect(context.name == "Fake GPU")
            #expect(context.multiprocessorCount == 132)
            #expect(context.totalMemory == 80 << 30)
            #expect(context.sharedBytesPerBlock == 232_448)
            let free = try context.freeMemory()
            #expect(free == 70 << 30)
            #expect(context.isCurrent)
        }
    }

    @Test(arguments: [(8, 0, "sm_80"), (8, 9, "sm_89"), (9, 0, "sm_90a"), (10, 0, "sm_100a"), (12, 1, "sm_121a")])
    func `kernels are built for the GPU's own instructions`(major: Int32, minor: Int32, name: String) throws {
        try FakeDriver.run({ $0.capability = (major, minor) }) { _, context in
            #expect(context.architecture == name)
        }
    }

    @Test func `a context is given back when its last user goes`() throws {
        let released = try FakeDriver.run { fake, context in
            do {
                _ = try Stream(try Context(context.driver))
                _ = try Event(try Context(context.driver))
            }
            return fake.count("release")
        }
        #expect(released == 2)
    }
}
