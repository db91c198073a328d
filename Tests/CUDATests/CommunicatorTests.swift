import CCUDA
import CUDA
import Core
import Testing

@Suite struct CommunicatorTests {
    @Test func `collectives carry count, type and stream`() throws {
        try FakeDriver.run { fake, context in
            let nccl = try NCCL(.fake, path: "fake")
            #expect(nccl.version == 22703)
            let stream = try Stream(context)
            let handle = number(stream.handle)
            do {
                let group = try #require(GroupName(bytes: try nccl.makeGroupName().bytes))
                let ranks = try Communicator(context, nccl, group: group, rank: 1, rankCount: 4)
                try ranks.sum(10, into: 20, count: 64, of: .bfloat16, on: stream)
                try ranks.gather(30, into: 40, count: 8, of: .float32, on: stream)
                try ranks.checkHealth()
            }
            #expect(
                fake.calls.suffix(4).map { $0.split(separator: " ").prefix(6).joined(separator: " ") } == [
                    "allReduce 10 20 64 9 0", "allGather 30 40 8 7 \(handle)", "asyncError", "commDestroy",
                ]
            )
            #expect(fake.calls.contains { $0.hasPrefix("commInit 4 1 42") })
        }
    }

    @Test func `a failure elsewhere in the group is told`() throws {
        try FakeDriver.run { fake, context in
            let nccl = try NCCL(.fake, path: "fake")
            let ranks = try Communicator(context, nccl, group: try nccl.makeGroupName(), rank: 0, rankCount: 1)
            fake.failures["asyncState"] = 6
            let error = #expect(throws: CUDAError.self) { try ranks.checkHealth() }
            #expect(error?.description.contains("another rank is gone") == true)
            fake.failures = ["allReduce": 5]
            #expect(throws: CUDAError.self) {
                try ranks.sum(1, into: 2, count: 1, of: .float16, on: try Stream(context))
            }
        }
    }

    @Test func `a group's name has 128 bytes`() {
        #expect(GroupName(bytes: [UInt8](repeating: 1, count: 127)) == nil)
        #expect(GroupName(bytes: []) == nil)
        #expect(GroupName(bytes: [UInt8](0..<128))?.bytes == [UInt8](0..<128))
    }
}

extension NCCLFunctions {
    fileprivate static var fake: NCCLFunctions {
        NCCLFunctions(
            getVersion: { version in
                version.pointee = 22703
                return 0
            },
            getErrorString: { _ in UnsafePointer(fakeReason) },
            getUniqueId: { id in
                id.pointee.bytes.0 = 42
                return 0
            },
            commInitRank: { handle, count, id, rank in
                CUDATests.fake("commInit \(count) \(rank) \(id.bytes.0)", handle)
            },
            commDestroy: { _ in CUDATests.fake("commDestroy") },
            commGetAsyncError: { _, state in
                state.pointee = FakeDriver.ofThread.failures["asyncState"] ?? 0
                return CUDATests.fake("asyncError")
            },
            allReduce: { source, target, count, type, operation, _, stream in
                CUDATests.fake("allReduce \(source) \(target) \(count) \(type) \(operation) \(number(stream))")
            },
            allGather: { source, target, count, type, _, stream in
                CUDATests.fake("allGather \(source) \(target) \(count) \(type) \(number(stream))")
            }
        )
    }
}

// Never freed, never written again.
private nonisolated(unsafe) let fakeReason: UnsafeMutablePointer<CChar> = {
    let bytes = UnsafeMutablePointer<CChar>.allocate(capacity: 32)
    for (index, byte) in "another rank is gone".utf8CString.enumerated() { bytes[index] = byte }
    return bytes
}()
