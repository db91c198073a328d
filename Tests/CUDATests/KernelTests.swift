import CCUDA
import CUDA
import Testing

@Suite struct KernelTests {
    private struct Parameters {
        var a: UInt64 = 0x0102_0304_0506_0708
        var b: Float = 1
        var c: Int32 = -1
    }

    private func withKernel(
        capability: (Int32, Int32) = (9, 0),
        _ body: (FakeDriver, Kernel, CUDA.Stream) throws -> Void
    ) throws {
        try FakeDriver.run({ $0.capability = capability }) { fake, context in
            fake.parameterBytes = MemoryLayout<Parameters>.size
            let module = try Module(context, name: "rows.cu", cubin: [1, 2, 3])
            try body(fake, try module.kernel("punica_rows"), try Stream(context))
        }
    }

    @Test func `a launch carries geometry, stream and the whole struct`() throws {
        try withKernel { fake, kernel, stream in
            #expect(kernel.registerCount == 40)
            try kernel.launch(Parameters(), grid: (3, 2, 1), block: (32, 4, 2), sharedBytes: 1024, on: stream)
            try kernel.launch(Parameters(), grid: (5, 1, 1), block: 256, on: stream)
            let bytes = withUnsafeBytes(of: Parameters()) { Array($0) }
            #expect(
                fake.launches == [
                    FakeDriver.Launch(
                        grid: [3, 2, 1],
                        block: [32, 4, 2],
                        sharedBytes: 1024,
                        stream: number(stream.handle),
                        attributes: [],
                        parameters: bytes
                    ),
                    FakeDriver.Launch(
                        grid: [5, 1, 1],
                        block: [256, 1, 1],
                        sharedBytes: 0,
                        stream: number(stream.handle),
                        attributes: [],
                        parameters: bytes
                    ),
                ]
            )
        }
    }

    @Test func `overlap and clusters are attributes of the launch`() throws {
        try withKernel { fake, kernel, stream in
            try kernel.launch(Parameters(), grid: (8, 1, 1), block: 64, overlapsPredecessor: true, on: stream)
            try kernel.launch(Parameters(), grid: (8, 1, 1), block: 64, cluster: (2, 2, 1), on: stream)
            try kernel.launch(
                Parameters(),
                grid: (8, 1, 1),
                block: 64,
                cluster: (8, 1, 1),
                overlapsPredecessor: true,
                on: stream
            )
            #expect(
                fake.launches.map(\.attributes) == [["overlap 1"], ["cluster 2 2 1"], ["overlap 1", "cluster 8 1 1"]]
            )
            #expect(fake.count("setAttribute") == 0)
        }
    }

    @Test func `kernels before sm_90 never overlap`() throws {
        try withKernel(capability: (8, 6)) { fake, kernel, stream in
            try kernel.launch(Parameters(), grid: (1, 1, 1), block: 64, overlapsPredecessor: true, on: stream)
            #expect(fake.launches.map(\.attributes) == [[]])
        }
    }

    @Test func `more shared memory is asked for once`() throws {
        try withKernel { fake, kernel, stream in
            for bytes in [48 << 10, 100_000, 90_000, 100_000, 200_000] {
                try kernel.launch(Parameters(), grid: (1, 1, 1), block: 64, sharedBytes: bytes, on: stream)
            }
            #expect(
                fake.calls.filter { $0.hasPrefix("setAttribute") } == [
                    "setAttribute 8 100000", "setAttribute 8 200000",
                ]
            )
        }
    }

    @Test func `large clusters are asked for once`() throws {
        try withKernel { fake, kernel, stream in
            for _ in 0..<2 {
                try kernel.launch(Parameters(), grid: (16, 1, 1), block: 64, cluster: (16, 1, 1), on: stream)
            }
            #expect(fake.count("setAttribute 14 1") == 1)
        }
    }

    @Test func `shared memory that the GPU has not is an error before the launch`() throws {
        try withKernel { fake, kernel, stream in
            fake.failures["setAttribute"] = 1
            #expect(throws: CUDAError.self) {
                try kernel.launch(Parameters(), grid: (1, 1, 1), block: 64, sharedBytes: 1 << 20, on: stream)
            }
            #expect(fake.launches.isEmpty)
        }
    }

    @Test func `an absent kernel is told by name and source`() throws {
        try FakeDriver.run { fake, context in
            let module = try Module(context, name: "rows.cu", cubin: [0])
            fake.failures["getFunction"] = 500
            #expect(throws: CUDAError.kernelMissing("absent", source: "rows.cu")) { _ = try module.kernel("absent") }
            fake.failures["getFunction"] = 700
            let error = #expect(throws: CUDAError.self) { _ = try module.kernel("absent") }
            #expect(error?.isSticky == true)
        }
    }

    @Test func `a kernel keeps its module loaded`() throws {
        try FakeDriver.run { fake, context in
            do {
                let kernel = try Module(context, name: "rows.cu", cubin: [0]).kernel("rows")
                #expect(fake.count("moduleUnload") == 0)
                #expect(kernel.name == "rows")
            }
            #expect(fake.count("moduleUnload") == 1)
        }
    }
}
