package import CCUDA

/// NCCL: what the GPUs of one model tell each other.
package final class NCCL: Sendable {
    /// The library's functions; a test gives its own.
    package let functions: NCCLFunctions
    /// The file it was loaded from.
    package let path: String
    /// As the library counts: 22703 is 2.27.3.
    package let version: Int

    package convenience init(search: LibrarySearch = LibrarySearch()) throws(CUDAError) {
        let library = try DynamicLibrary(firstOf: ["libnccl.so.2"], in: search)
        try self.init(try NCCLFunctions(library), path: library.file(of: "ncclGetVersion"))
    }

    package init(_ functions: NCCLFunctions, path: String) throws(CUDAError) {
        self.functions = functions
        self.path = path
        var version: Int32 = 0
        let result = functions.getVersion(&version)
        self.version = Int(version)
        try check(result, "ncclGetVersion")
    }

    /// Makes the name under which the ranks of a new group meet; one of them makes it and tells the others.
    package func makeGroupName() throws(CUDAError) -> GroupName {
        var id = ncclUniqueId()
        try check(functions.getUniqueId(&id), "ncclGetUniqueId")
        return GroupName(id: id)
    }

    @inline(__always)
    func check(_ result: ncclResult_t, _ function: StaticString) throws(CUDAError) {
        if result != 0 { throw error(result, function) }
    }

    @inline(never)
    private func error(_ result: ncclResult_t, _ function: StaticString) -> CUDAError {
        .call(
            function: function.description,
            code: Int(result),
            name: "NCCL error \(result)",
            meaning: String(cString: functions.getErrorString(result))
        )
    }
}

/// The name of a group of ranks: 128 bytes that any channel may carry.
package struct GroupName: Sendable {
    let id: ncclUniqueId

    /// The bytes to carry.
    package var bytes: [UInt8] { withUnsafeBytes(of: id) { Array($0) } }

    /// - Parameter bytes: as another rank's `bytes`; nil when there are not 128.
    package init?(bytes: [UInt8]) {
        guard bytes.count == MemoryLayout<ncclUniqueId>.size else { return nil }
        id = bytes.withUnsafeBytes { $0.loadUnaligned(as: ncclUniqueId.self) }
    }

    init(id: ncclUniqueId) { self.id = id }
}
