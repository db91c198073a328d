import CUDA
import Testing

@Suite struct GraphTests {
    @Test func `a capture records, instantiates and drops the recording`() throws {
        try FakeDriver.run { fake, context in
            let stream = try Stream(context)
            let handle = number(stream.handle)
            fake.calls = []
            do {
                let graph = try Graph.capture(on: stream) { () throws(CUDAError) in
                    try stream.fill(0x100, byteCount: 1, with: 0)
                }
                #expect(graph.nodeCount == 7)
                let names = fake.calls.map { String($0.prefix { $0 != " " }) }
                #expect(names == ["beginCapture", "memsetD8Async", "endCapture", "instantiate", "graphDestroy"])
                #expect(fake.calls.first == "beginCapture \(handle) 1")
                try graph.upload(on: stream)
                try graph.launch(on: stream)
                try graph.launch(on: stream)
                #expect(fake.count("graphLaunch \(handle)") == 2)
            }
            #expect(fake.count("graphExecDestroy") == 1)
        }
    }

    @Test func `a body that fails ends the capture`() throws {
        try FakeDriver.run { fake, context in
            let stream = try Stream(context)
            fake.failures["memsetD8Async"] = 700
            let error = #expect(throws: CUDAError.self) {
                _ = try Graph.capture(on: stream) { () throws(CUDAError) in
                    try stream.fill(0x100, byteCount: 1, with: 0)
                }
            }
            #expect(error?.isSticky == true)
            #expect(fake.count("endCapture") == 1)
            #expect(fake.count("graphDestroy") == 1)
            #expect(fake.count("instantiate") == 0)
        }
    }

    @Test(arguments: ["beginCapture", "endCapture", "instantiate"])
    func `a capture that the driver refuses is an error`(function: String) throws {
        try FakeDriver.run { fake, context in
            let stream = try Stream(context)
            fake.failures[function] = 904
            var ran = false
            #expect(throws: CUDAError.self) {
                _ = try Graph.capture(on: stream) { () throws(CUDAError) in ran = true }
            }
            #expect(ran == (function != "beginCapture"))
            #expect(fake.count("graphDestroy") == (function == "instantiate" ? 1 : 0))
        }
    }
}
