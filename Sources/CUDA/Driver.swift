package import CCUDA

/// The CUDA driver: what every other type of this module calls.
package final class Driver: Sendable {
    /// The driver's functions; a test gives its own.
    package let functions: CUDADriverFunctions
    /// The file it was loaded from.
    package let path: String
    /// As the driver counts: 13000 is CUDA 13.0.
    package let version: Int

    /// Opens `libcuda.so.1` and starts the driver.
    package convenience init(search: LibrarySearch = LibrarySearch()) throws(CUDAError) {
        let library = try DynamicLibrary(firstOf: ["libcuda.so.1"], in: search)
        try self.init(try CUDADriverFunctions(library), path: library.file(of: "cuInit"))
    }

    package init(_ functions: CUDADriverFunctions, path: String) throws(CUDAError) {
        self.functions = functions
        self.path = path
        try functions.check(functions.initialize(0), "cuInit")
        var version: Int32 = 0
        try functions.check(functions.driverGetVersion(&version), "cuDriverGetVersion")
        self.version = Int(version)
    }

    /// How many GPUs it sees.
    package func deviceCount() throws(CUDAError) -> Int {
        var count: Int32 = 0
        try check(functions.deviceGetCount(&count), "cuDeviceGetCount")
        return Int(count)
    }

    /// Throws what a function answered, unless it was success.
    @inline(__always)
    func check(_ result: CUresult, _ function: StaticString) throws(CUDAError) {
        try functions.check(result, function)
    }
}

extension CUDADriverFunctions {
    @inline(__always)
    func check(_ result: CUresult, _ function: StaticString) throws(CUDAError) {
        if result != 0 { throw error(result, function) }
    }

    @inline(never)
    private func error(_ result: CUresult, _ function: StaticString) -> CUDAError {
        var name: UnsafePointer<CChar>?
        var meaning: UnsafePointer<CChar>?
        _ = getErrorName(result, &name)
        _ = getErrorString(result, &meaning)
        return .call(
            function: function.description,
            code: Int(result),
            name: name.map { String(cString: $0) } ?? "unknown",
            meaning: meaning.map { String(cString: $0) } ?? "an error this driver cannot name"
        )
    }
}
