import CUDA
import Testing

@Suite struct LibrarySearchTests {
    @Test func `the user's folders come before the loader's, the usual ones after`() {
        let search = LibrarySearch(preferred: ["/a", "/b"], others: ["/c"])
        #expect(
            search.candidates(["x.13", "x.12"]) == [
                "/a/x.13", "/a/x.12", "/b/x.13", "/b/x.12", "x.13", "x.12", "/c/x.13", "/c/x.12",
            ]
        )
    }

    @Test func `wheels of the Python in use, on the path and in the home are found`() {
        let directory = TemporaryDirectory()
        let folders = ["venv", "home/.local", "tools"].map { "\($0)/lib/python3.12/site-packages/nvidia/cu13/lib" }
        for folder in folders { directory.makeFolder(folder) }
        let root = directory.path
        let variables = [
            "VIRTUAL_ENV": "\(root)/venv", "HOME": "\(root)/home",
            "PATH": "/nowhere:\(root)/tools/bin:\(root)/venv/bin",
            "PUNICA_CUDA_LIBRARIES": "/first::/second",
        ]
        let search = LibrarySearch { variables[$0] }
        #expect(search.preferred == ["/first", "/second"])
        let found = search.others.filter { $0.hasPrefix(root) }
        #expect(found == [folders[0], folders[2], folders[1]].map { "\(root)/\($0)" })
    }

    @Test func `a library that is nowhere is told with every path tried`() {
        let search = LibrarySearch(preferred: ["/one"], others: ["/two"])
        let names = ["libpunica-none.so.2", "libpunica-none.so.1"]
        let error = #expect(throws: CUDAError.self) { _ = try DynamicLibrary(firstOf: names, in: search) }
        guard case .libraryMissing(let name, let tried) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(name == "libpunica-none.so.2 or libpunica-none.so.1")
        let paths = ["/one/\(names[0])", "/one/\(names[1])"] + names + ["/two/\(names[0])", "/two/\(names[1])"]
        #expect(tried.count == paths.count)
        for (line, path) in zip(tried, paths) { #expect(line.hasPrefix("\(path):"), "\(line)") }
        #expect(error?.description.contains("set PUNICA_CUDA_LIBRARIES") == true)
    }

    @Test func `libraries newer than the driver are passed over`() {
        let search = LibrarySearch(preferred: [], others: [])
        for (version, names) in [(12040, "libcublasLt.so.12"), (11080, "libcublasLt.so.12")] {
            do throws(CUDAError) {
                let path = try CUBLASLt(search: search, driverVersion: version).path
                #expect(path.contains("libcublasLt.so.12"))
            } catch {
                guard case .libraryMissing(names, _) = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }

    @Test func `a library without the functions is told by file and function`() {
        let directory = TemporaryDirectory()
        // A library that every process has, under the name of another.
        directory.link("libm.so.6", as: "libnccl.so.2")
        let search = LibrarySearch(preferred: [directory.path], others: [])
        #expect(throws: CUDAError.symbolMissing("ncclGetVersion", library: "\(directory.path)/libnccl.so.2")) {
            _ = try NCCL(search: search)
        }
    }
}
