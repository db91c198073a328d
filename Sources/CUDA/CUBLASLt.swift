package import CCUDA

/// cuBLASLt: products of matrices on the tensor cores.
package final class CUBLASLt: Sendable {
    /// The library's functions; a test gives its own.
    package let functions: CUBLASLtFunctions
    /// The file it was loaded from.
    package let path: String
    /// As the library counts: 130100 is 13.1.0.
    package let version: Int

    /// Opens the newest `libcublasLt.so` that there is.
    ///
    /// - Parameter driverVersion: of the driver it is to work with; a library of a later major version is passed over.
    package convenience init(search: LibrarySearch = LibrarySearch(), driverVersion: Int? = nil) throws(CUDAError) {
        let names = libraryNames("libcublasLt.so", driverVersion: driverVersion)
        let library = try DynamicLibrary(firstOf: names, in: search)
        self.init(try CUBLASLtFunctions(library), path: library.file(of: "cublasLtCreate"))
    }

    package init(_ functions: CUBLASLtFunctions, path: String) {
        self.functions = functions
        self.path = path
        version = functions.getVersion()
    }

    @inline(__always)
    func check(_ status: cublasStatus_t, _ function: StaticString) throws(CUDAError) {
        if status != 0 { throw error(status, function) }
    }

    @inline(never)
    private func error(_ status: cublasStatus_t, _ function: StaticString) -> CUDAError {
        .call(
            function: function.description,
            code: Int(status),
            name: String(cString: functions.getStatusName(status)),
            meaning: String(cString: functions.getStatusString(status))
        )
    }
}
