import CUDA
import Testing

@Suite struct BufferTests {
    @Test func `device memory is freed once`() throws {
        try FakeDriver.run { fake, context in
            for size in [1, 4096, 1 << 20] { _ = try DeviceBuffer(context, byteCount: size) }
            #expect(fake.count("memAlloc") == 3)
            #expect(fake.count("memFree") == 3)
            #expect(fake.memory.isEmpty)
        }
    }

    @Test func `what goes up comes down`() throws {
        try FakeDriver.run { _, context in
            let buffer = try DeviceBuffer(context, byteCount: 64)
            try buffer.fill(7)
            try buffer.upload([UInt32](1...4), at: 16)
            #expect(try buffer.download(UInt32.self, count: 4, at: 16) == [1, 2, 3, 4])
            #expect(try buffer.download(UInt8.self, count: 16) == [UInt8](repeating: 7, count: 16))
            #expect(try buffer.download(UInt8.self, count: 0) == [])
            try buffer.upload([Float](), at: 64)
        }
    }

    @Test func `a failed download throws`() throws {
        try FakeDriver.run { fake, context in
            let buffer = try DeviceBuffer(context, byteCount: 64)
            fake.failures["memcpyDtoH"] = 700
            #expect(throws: CUDAError.self) { try buffer.download(UInt8.self, count: 64) }
            fake.failures["memcpyHtoD"] = 700
            #expect(throws: CUDAError.self) { try buffer.upload([UInt8](repeating: 0, count: 64)) }
        }
    }

    @Test func `pinned memory lives as long as its object`() throws {
        try FakeDriver.run { fake, context in
            do {
                let pinned = try PinnedBuffer(context, byteCount: 8192)
                #expect(pinned.bytes.count == 8192)
                pinned.elements(Int32.self).initialize(repeating: 5)
                #expect(pinned.bytes[8188] == 5)
                #expect(fake.count("memFreeHost") == 0)
                let buffer = try DeviceBuffer(context, byteCount: 4096)
                let stream = try Stream(context)
                try buffer.copyAsync(from: pinned, 100..<200, at: 50, on: stream)
                #expect(fake.calls.last == "memcpyHtoDAsync \(buffer.address + 50) 100 \(number(stream.handle))")
            }
            #expect(fake.count("memFreeHost") == 1)
        }
    }

    @Test func `bytes past the end trap`() async {
        await #expect(processExitsWith: .failure) {
            try FakeDriver.run { _, context in
                try DeviceBuffer(context, byteCount: 16).upload([UInt64](repeating: 0, count: 2), at: 1)
            }
        }
        await #expect(processExitsWith: .failure) {
            try FakeDriver.run { _, context in
                _ = try DeviceBuffer(context, byteCount: 16).download(UInt8.self, count: 1, at: -1)
            }
        }
        await #expect(processExitsWith: .failure) {
            try FakeDriver.run { _, context in _ = try DeviceBuffer(context, byteCount: 0) }
        }
    }
}
