package import CCUDA

/// NVIDIA's run-time compiler, from CUDA C++ to machine code. Any number of threads may compile at a time.
package final class NVRTC: Sendable {
    /// The compiler's functions; a test gives its own.
    package let functions: NVRTCFunctions
    /// The file it was loaded from.
    package let path: String
    package let version: (major: Int, minor: Int)

    /// Opens the newest `libnvrtc.so` that there is.
    ///
    /// - Parameter driverVersion: of the driver that is to load the machine code; a compiler of a later major version
    ///   is passed over. nil takes any.
    package convenience init(search: LibrarySearch = LibrarySearch(), driverVersion: Int? = nil) throws(CUDAError) {
        let names = libraryNames("libnvrtc.so", driverVersion: driverVersion)
        let library = try DynamicLibrary(firstOf: names, in: search, companions: ["libnvrtc-builtins.so*"])
        try self.init(try NVRTCFunctions(library), path: library.file(of: "nvrtcVersion"))
    }

    package init(_ functions: NVRTCFunctions, path: String) throws(CUDAError) {
        self.functions = functions
        self.path = path
        var major: Int32 = 0
        var minor: Int32 = 0
        let result = functions.version(&major, &minor)
        version = (Int(major), Int(minor))
        try check(result, "nvrtcVersion")
    }

    /// Machine code of a job's kernels for an architecture such as `sm_90a`.
    package func compile(_ job: KernelJob, architecture: String) throws(CUDAError) -> [UInt8] {
        let program = try makeProgram(job.source)
        defer {
            var last: nvrtcProgram? = program
            _ = functions.destroyProgram(&last)
        }
        let result = withCStrings(job.arguments(architecture)) { options in
            functions.compileProgram(program, Int32(options.count), options.baseAddress)
        }
        if Int(result) == NVRTC_ERROR_COMPILATION {
            throw .compilation(kernel: job.source.name, log: log(program))
        }
        try check(result, "nvrtcCompileProgram", saying: { log(program) })
        return try cubin(program)
    }

    private func makeProgram(_ source: KernelSource) throws(CUDAError) -> nvrtcProgram {
        var program: nvrtcProgram?
        let result = withCStrings(source.headers.map(\.text)) { texts in
            withCStrings(source.headers.map(\.name)) { names in
                functions.createProgram(
                    &program,
                    source.text,
                    source.name,
                    Int32(texts.count),
                    texts.baseAddress,
                    names.baseAddress
                )
            }
        }
        try check(result, "nvrtcCreateProgram")
        guard let program else { preconditionFailure("nvrtcCreateProgram succeeded without a program") }
        return program
    }

    private func cubin(_ program: nvrtcProgram) throws(CUDAError) -> [UInt8] {
        var byteCount = 0
        try check(functions.getCUBINSize(program, &byteCount), "nvrtcGetCUBINSize")
        var bytes = [CChar](repeating: 0, count: max(byteCount, 1))
        try check(functions.getCUBIN(program, &bytes), "nvrtcGetCUBIN")
        return bytes.prefix(byteCount).map { UInt8(bitPattern: $0) }
    }

    private func log(_ program: nvrtcProgram) -> String {
        var byteCount = 0
        guard functions.getProgramLogSize(program, &byteCount) == 0, byteCount > 0 else { return "" }
        var bytes = [CChar](repeating: 0, count: byteCount)
        guard functions.getProgramLog(program, &bytes) == 0 else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func check(
        _ result: nvrtcResult,
        _ function: StaticString,
        saying log: () -> String = { "" }
    ) throws(CUDAError) {
        if result == 0 { return }
        let name = String(cString: functions.getErrorString(result))
        let log = log()
        let meaning = log.isEmpty ? "the kernel compiler answered with an error" : log
        throw .call(function: function.description, code: Int(result), name: name, meaning: meaning)
    }
}

/// File names of a CUDA library, newest first, none newer than the driver.
func libraryNames(_ name: String, driverVersion: Int?) -> [String] {
    let newest = max(12, driverVersion.map { $0 / 1000 } ?? 13)
    return [13, 12].filter { $0 <= newest }.map { "\(name).\($0)" }
}

/// Calls `body` with C strings that live as long as the call.
private func withCStrings<Value>(
    _ strings: [String],
    _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Value
) -> Value {
    let copies = strings.map { string in
        let bytes = Array(string.utf8CString)
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.count)
        _ = copy.initialize(from: bytes)
        return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    return copies.map { UnsafePointer($0.baseAddress) }.withUnsafeBufferPointer(body)
}
