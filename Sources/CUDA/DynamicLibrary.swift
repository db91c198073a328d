internal import CCUDA

/// A shared library opened at run time. It is never closed: functions of it may be called until the process ends.
package struct DynamicLibrary {
    /// The file, for messages.
    package let path: String
    // The loader's handle, read only.
    private let handle: UnsafeMutableRawPointer

    /// Opens the first candidate that the loader accepts.
    ///
    /// - Parameters:
    ///   - names: file names of the library, best first.
    ///   - companions: patterns of libraries that the opened one will ask the loader for by name, looked for beside it.
    package init(firstOf names: [String], in search: LibrarySearch, companions: [String] = []) throws(CUDAError) {
        var tried: [String] = []
        for candidate in search.candidates(names) {
            Self.open(companions, beside: candidate)
            if let handle = openDynamicLibrary(candidate) {
                (path, self.handle) = (candidate, handle)
                return
            }
            tried.append(String(cString: dynamicLibraryError()))
        }
        throw .libraryMissing(names.joined(separator: " or "), tried: tried)
    }

    /// A function's address as a pointer of the C type wanted; whether that is its type only the vendor's header knows.
    func function<Pointer>(_ symbol: String, as type: Pointer.Type = Pointer.self) throws(CUDAError) -> Pointer {
        precondition(MemoryLayout<Pointer>.size == MemoryLayout<UnsafeRawPointer>.size, "\(symbol) is not a pointer")
        guard let address = findDynamicSymbol(handle, symbol) else {
            throw .symbolMissing(symbol, library: path)
        }
        // A C function pointer is an address, and the table's field gives it its type.
        return unsafeBitCast(address, to: Pointer.self)
    }

    /// The file the loader chose for a bare name.
    func file(of symbol: String) -> String {
        guard let address = findDynamicSymbol(handle, symbol), let file = fileOfDynamicSymbol(address) else {
            return path
        }
        return String(cString: file)
    }

    private static func open(_ companions: [String], beside candidate: String) {
        guard let slash = candidate.lastIndex(of: "/") else { return }
        for companion in companions {
            for file in LibrarySearch.matches("\(candidate[..<slash])/\(companion)") { _ = openDynamicLibrary(file) }
        }
    }
}
