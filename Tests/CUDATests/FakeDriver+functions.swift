import CCUDA
import CUDA

extension CUDADriverFunctions {
    static var fake: CUDADriverFunctions {
        CUDADriverFunctions(
            initialize: { _ in CUDATests.fake("initialize") },
            driverGetVersion: { version in
                version.pointee = 13000
                return 0
            },
            getErrorName: { code, name in
                name.pointee = code == 700 ? fakeErrorName : code == 2 ? fakeMemoryErrorName : nil
                return code == 700 || code == 2 ? 0 : 1
            },
            getErrorString: { code, text in
                text.pointee = code == 700 ? fakeErrorText : nil
                return code == 700 ? 0 : 1
            },
            deviceGetCount: { count in
                count.pointee = FakeDriver.ofThread.deviceCount
                return 0
            },
            deviceGet: { device, ordinal in
                device.pointee = ordinal
                return 0
            },
            deviceGetName: { name, capacity, _ in
                for (index, byte) in "Fake GPU".utf8CString.enumerated() { name[index] = byte }
                return 0
            },
            deviceTotalMem: { byteCount, _ in
                byteCount.pointee = 80 << 30
                return 0
            },
            deviceGetAttribute: { value, attribute, _ in
                let capability = FakeDriver.ofThread.capability
                value.pointee =
                    [75: capability.0, 76: capability.1, 16: 132, 38: 50 << 20, 97: 232_448][attribute] ?? -1
                return 0
            },
            devicePrimaryCtxRetain: { context, _ in CUDATests.fake("retain", context) },
            devicePrimaryCtxRelease: { _ in CUDATests.fake("release") },
            ctxSetCurrent: { context in
                FakeDriver.ofThread.current = context
                return CUDATests.fake("setCurrent")
            },
            ctxGetCurrent: { context in
                context.pointee = FakeDriver.ofThread.current
                return 0
            },
            ctxPushCurrent: { _ in 0 },
            ctxPopCurrent: { _ in 0 },
            deviceCanAccessPeer: { answer, device, peer in
                answer.pointee = device == peer ? 0 : 1
                return 0
            },
            ctxEnablePeerAccess: { _, _ in CUDATests.fake("enablePeerAccess") },
            ctxGetStreamPriorityRange: { least, greatest in
                (least.pointee, greatest.pointee) = (0, -5)
                return 0
            },
            memGetInfo: { free, total in
                (free.pointee, total.pointee) = (70 << 30, 80 << 30)
                return 0
            },
            memAlloc: { address, byteCount in
                let driver = FakeDriver.ofThread
                let made = UInt64(driver.makeHandle()) << 20
                let result = driver.note("memAlloc \(byteCount)")
                if result == 0 {
                    address.pointee = made
                    driver.memory[made] = [UInt8](repeating: 0xee, count: byteCount)
                }
                return result
            },
            memFree: { address in
                precondition(FakeDriver.ofThread.memory.removeValue(forKey: address) != nil, "freed twice")
                return CUDATests.fake("memFree")
            },
            memHostAlloc: { bytes, byteCount, flags in
                bytes.pointee = .allocate(byteCount: byteCount, alignment: 4096)
                return CUDATests.fake("memHostAlloc \(byteCount) \(flags)")
            },
            memFreeHost: { bytes in
                bytes.deallocate()
                return CUDATests.fake("memFreeHost")
            },
            memcpyHtoD: { address, bytes, count in
                FakeDriver.ofThread.write(UnsafeRawBufferPointer(start: bytes, count: count), to: address)
                return CUDATests.fake("memcpyHtoD \(count)")
            },
            memcpyDtoH: { bytes, address, count in
                FakeDriver.ofThread.read(address, into: UnsafeMutableRawBufferPointer(start: bytes, count: count))
                return CUDATests.fake("memcpyDtoH \(count)")
            },
            memsetD8: { address, value, count in
                let bytes = [UInt8](repeating: value, count: count)
                bytes.withUnsafeBytes { FakeDriver.ofThread.write($0, to: address) }
                return CUDATests.fake("memsetD8 \(count)")
            },
            memcpyHtoDAsync: { address, _, count, stream in
                CUDATests.fake("memcpyHtoDAsync \(address) \(count) \(number(stream))")
            },
            memcpyDtoHAsync: { _, address, count, stream in
                CUDATests.fake("memcpyDtoHAsync \(address) \(count) \(number(stream))")
            },
            memcpyDtoDAsync: { address, source, count, stream in
                CUDATests.fake("memcpyDtoDAsync \(address) \(source) \(count) \(number(stream))")
            },
            memsetD8Async: { address, value, count, stream in
                CUDATests.fake("memsetD8Async \(address) \(value) \(count) \(number(stream))")
            },
            streamCreateWithPriority: { stream, flags, priority in
                CUDATests.fake("streamCreate \(flags) \(priority)", stream)
            },
            streamDestroy: { stream in CUDATests.fake("streamDestroy \(number(stream))") },
            streamSynchronize: { stream in CUDATests.fake("streamSynchronize \(number(stream))") },
            streamQuery: { _ in CUDATests.fake("streamQuery") },
            streamWaitEvent: { stream, event, _ in CUDATests.fake("wait \(number(stream)) \(number(event))") },
            streamBeginCapture: { stream, mode in CUDATests.fake("beginCapture \(number(stream)) \(mode)") },
            streamEndCapture: { _, graph in CUDATests.fake("endCapture", graph) },
            eventCreate: { event, flags in CUDATests.fake("eventCreate \(flags)", event) },
            eventDestroy: { event in CUDATests.fake("eventDestroy \(number(event))") },
            eventRecord: { event, stream in CUDATests.fake("record \(number(event)) \(number(stream))") },
            eventQuery: { _ in CUDATests.fake("eventQuery") },
            eventSynchronize: { _ in CUDATests.fake("eventSynchronize") },
            eventElapsedTime: { milliseconds, _, _ in
                let driver = FakeDriver.ofThread
                milliseconds.pointee = driver.times.isEmpty ? 1 : driver.times.removeFirst()
                return 0
            },
            graphGetNodes: { _, _, count in
                count.pointee = 7
                return 0
            },
            graphDestroy: { _ in CUDATests.fake("graphDestroy") },
            graphInstantiate: { graph, _, flags in CUDATests.fake("instantiate \(flags)", graph) },
            graphUpload: { _, _ in CUDATests.fake("graphUpload") },
            graphLaunch: { _, stream in CUDATests.fake("graphLaunch \(number(stream))") },
            graphExecDestroy: { _ in CUDATests.fake("graphExecDestroy") },
            moduleLoadData: { module, _ in CUDATests.fake("moduleLoad", module) },
            moduleUnload: { _ in CUDATests.fake("moduleUnload") },
            moduleGetFunction: { function, _, name in
                CUDATests.fake("getFunction \(String(cString: name))", function)
            },
            funcGetAttribute: { value, attribute, _ in
                value.pointee = attribute == 4 ? 40 : 0
                return 0
            },
            funcSetAttribute: { _, attribute, value in CUDATests.fake("setAttribute \(attribute) \(value)") },
            occupancyMaxActiveBlocksPerMultiprocessor: { count, _, _, _ in
                count.pointee = 2
                return 0
            },
            launchKernel: { configuration, _, parameters, _ in
                FakeDriver.ofThread.launch(configuration.pointee, parameters?.pointee)
            }
        )
    }
}

extension FakeDriver {
    func launch(_ configuration: CUlaunchConfig, _ parameters: UnsafeMutableRawPointer?) -> CUresult {
        let attributes = UnsafeBufferPointer(start: configuration.attributes, count: Int(configuration.attributeCount))
        launches.append(
            Launch(
                grid: [configuration.gridX, configuration.gridY, configuration.gridZ],
                block: [configuration.blockX, configuration.blockY, configuration.blockZ],
                sharedBytes: configuration.sharedBytes,
                stream: number(configuration.stream),
                attributes: attributes.map(\.text),
                parameters: Array(UnsafeRawBufferPointer(start: parameters, count: parameterBytes))
            )
        )
        return note("launch")
    }

    func write(_ bytes: UnsafeRawBufferPointer, to address: UInt64) {
        guard let (start, offset) = place(address) else { preconditionFailure("no memory at \(address)") }
        memory[start]?.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    func read(_ address: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
        guard let (start, offset) = place(address), let source = memory[start] else {
            preconditionFailure("no memory at \(address)")
        }
        bytes.copyBytes(from: source[offset..<offset + bytes.count])
    }

    private func place(_ address: UInt64) -> (start: UInt64, offset: Int)? {
        memory.keys.first { $0 <= address && address < $0 + UInt64(memory[$0]?.count ?? 0) }
            .map { ($0, Int(address - $0)) }
    }
}

extension CUlaunchAttribute {
    fileprivate var text: String {
        switch id {
        case 4: "cluster \(value.clusterSize.x) \(value.clusterSize.y) \(value.clusterSize.z)"
        case 6: "overlap \(value.programmaticStreamSerializationAllowed)"
        default: "attribute \(id)"
        }
    }
}

// Texts that outlive every error made of them.
private nonisolated(unsafe) let fakeErrorName = leaked("CUDA_ERROR_ILLEGAL_ADDRESS")
private nonisolated(unsafe) let fakeErrorText = leaked("an illegal memory access was encountered")
private nonisolated(unsafe) let fakeMemoryErrorName = leaked("CUDA_ERROR_OUT_OF_MEMORY")

private func leaked(_ text: String) -> UnsafePointer<CChar>? {
    let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: text.utf8.count + 1)
    _ = bytes.initialize(from: text.utf8CString)
    return UnsafePointer(bytes.baseAddress)
}
