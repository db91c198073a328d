import CCUDA
import CUDA
import Testing

@Suite struct StreamTests {
    @Test func `a stream waits for no other and is destroyed once`() throws {
        try FakeDriver.run { fake, context in
            for _ in 0..<3 { _ = try Stream(context) }
            #expect(fake.count("streamCreate 1 0") == 3)
            #expect(fake.count("streamDestroy") == 3)
            _ = try Stream(context, priority: .high)
            #expect(fake.count("streamCreate 1 -5") == 1)
        }
    }

    @Test func `copies name their ranges and the stream`() throws {
        try FakeDriver.run { fake, context in
            let stream = try Stream(context)
            let handle = number(stream.handle)
            var bytes = [UInt8](repeating: 1, count: 24)
            try bytes.withUnsafeMutableBytes { bytes in
                try stream.copy(UnsafeRawBufferPointer(bytes), to: 0x700)
                try stream.copy(from: 0x800, to: bytes)
            }
            try stream.copy(from: 0x900, to: 0xa00, byteCount: 5)
            try stream.fill(0xb00, byteCount: 6, with: 0x5a)
            #expect(
                fake.calls.suffix(4) == [
                    "memcpyHtoDAsync \(0x700) 24 \(handle)", "memcpyDtoHAsync \(0x800) 24 \(handle)",
                    "memcpyDtoDAsync \(0xa00) \(0x900) 5 \(handle)", "memsetD8Async \(0xb00) \(0x5a) 6 \(handle)",
                ]
            )
        }
    }

    @Test func `nothing is copied when there is nothing`() throws {
        try FakeDriver.run { fake, context in
            let stream = try Stream(context)
            let before = fake.calls
            try stream.copy(UnsafeRawBufferPointer(start: nil, count: 0), to: 1)
            try stream.copy(from: 1, to: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            try stream.copy(from: 1, to: 2, byteCount: 0)
            try stream.fill(1, byteCount: 0, with: 0)
            #expect(fake.calls == before)
        }
    }

    @Test func `work under way is no error`() throws {
        try FakeDriver.run { fake, context in
            let stream = try Stream(context)
            let event = try Event(context)
            fake.failures = ["streamQuery": 600, "eventQuery": 600]
            #expect(try !stream.isIdle())
            #expect(try !event.isDone())
            fake.failures = [:]
            #expect(try stream.isIdle())
            #expect(try event.isDone())
            fake.failures = ["streamQuery": 700, "eventQuery": 700]
            #expect(throws: CUDAError.self) { try stream.isIdle() }
            #expect(throws: CUDAError.self) { try event.isDone() }
        }
    }

    @Test func `events order streams and measure time`() throws {
        try FakeDriver.run { fake, context in
            fake.times = [2.5]
            let (first, second) = (try Stream(context), try Stream(context))
            let plain = try Event(context)
            let (start, end) = (try Event(context, timing: true), try Event(context, timing: true))
            #expect(fake.count("eventCreate 2") == 1)
            #expect(fake.count("eventCreate 0") == 2)
            try plain.record(on: first)
            try second.wait(plain)
            #expect(fake.calls.last?.hasPrefix("wait \(number(second.handle))") == true)
            #expect(try Event.milliseconds(from: start, to: end) == 2.5)
        }
    }

    #if DEBUG
        @Test func `a thread without the context may not use it`() async {
            await #expect(processExitsWith: .failure) {
                try FakeDriver.run { fake, context in
                    let stream = try Stream(context)
                    fake.current = nil
                    try stream.synchronize()
                }
            }
        }
    #endif
}
