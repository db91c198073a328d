import CUDA
import Testing

@Suite struct KernelCacheTests {
    private static let job = KernelJob(
        KernelSource(name: "rows.cu", text: "kernel", headers: [.init(name: "common.cuh", text: "header")]),
        defines: ["E": "64", "PUNICA_BF16": "1"]
    )
    private static let code = (0..<500).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    private static let key = KernelCache.Key(job, architecture: "sm_90a", compiler: (13, 0))

    @Test func `code is found again, by another reader too`() {
        let directory = TemporaryDirectory()
        let cache = KernelCache(directory: "\(directory.path)/a/b")
        #expect(cache.read(Self.key) == nil)
        #expect(cache.write(Self.code, for: Self.key))
        #expect(cache.read(Self.key) == Self.code)
        #expect(KernelCache(directory: "\(directory.path)/a/b").read(Self.key) == Self.code)
        #expect(directory.files(in: "a/b").count == 1)
        #expect(cache.write([], for: Self.key))
        #expect(cache.read(Self.key) == [])
    }

    @Test func `a file cut short is not a kernel`() {
        let directory = TemporaryDirectory()
        let cache = KernelCache(directory: directory.path)
        cache.write(Self.code, for: Self.key)
        let name = directory.files()[0]
        let whole = directory.read(name)
        for length in 0..<whole.count {
            directory.write(Array(whole[..<length]), to: name)
            #expect(cache.read(Self.key) == nil, "\(length) bytes")
        }
        directory.write(whole + [0], to: name)
        #expect(cache.read(Self.key) == nil)
        directory.write(whole, to: name)
        #expect(cache.read(Self.key) == Self.code)
    }

    @Test func `a file with a changed byte is not a kernel`() {
        let directory = TemporaryDirectory()
        let cache = KernelCache(directory: directory.path)
        cache.write(Self.code, for: Self.key)
        let name = directory.files()[0]
        let whole = directory.read(name)
        for index in whole.indices {
            for mask in [UInt8(1), 0x80, 0xff] {
                var changed = whole
                changed[index] ^= mask
                directory.write(changed, to: name)
                #expect(cache.read(Self.key) == nil, "byte \(index)")
            }
        }
    }

    @Test func `a file of another key under the same name is not a kernel`() {
        let directory = TemporaryDirectory()
        let cache = KernelCache(directory: directory.path)
        cache.write(Self.code, for: Self.key)
        let name = directory.files()[0]
        let other = KernelCache.Key(KernelJob(Self.job.source), architecture: "sm_90a", compiler: (13, 0))
        cache.write([1, 2, 3], for: other)
        let otherName = directory.files().first { $0 != name } ?? ""
        directory.write(directory.read(otherName), to: name)
        #expect(cache.read(Self.key) == nil)
        #expect(cache.read(other) == [1, 2, 3])
    }

    @Test func `everything that changes the code changes the key`() {
        let source = Self.job.source
        let header = source.headers[0]
        let variants: [KernelCache.Key] = [
            Self.key,
            .init(Self.job, architecture: "sm_80", compiler: (13, 0)),
            .init(Self.job, architecture: "sm_90a", compiler: (13, 1)),
            .init(KernelJob(source, defines: ["E": "64"]), architecture: "sm_90a", compiler: (13, 0)),
            .init(
                KernelJob(source, defines: Self.job.defines, options: ["-lineinfo"]),
                architecture: "sm_90a",
                compiler: (13, 0)
            ),
            key(text: "kernel2", headers: [header]),
            key(text: "kernel", headers: []),
            key(text: "kernel", headers: [.init(name: "common.cuh", text: "header2")]),
            key(text: "kernel", headers: [.init(name: "other.cuh", text: "header")]),
            key(name: "other.cu", text: "kernel", headers: [header]),
            // Where one part ends and the next begins matters.
            key(text: "ernel", headers: [.init(name: "common.cuh", text: "headerk")]),
            key(text: "kernel", headers: [.init(name: "common.cuhh", text: "eader")]),
        ]
        for (index, key) in variants.enumerated() {
            #expect(variants[..<index].allSatisfy { $0 != key }, "variant \(index)")
        }
    }

    @Test func `the order of constants does not matter`() {
        let (a, b) = (["A": "1", "B": "2", "C": "3"], ["C": "3", "B": "2", "A": "1"])
        let keys = [a, b].map {
            KernelCache.Key(KernelJob(Self.job.source, defines: $0), architecture: "x", compiler: (1, 2))
        }
        #expect(keys[0] == keys[1])
    }

    @Test func `a directory that cannot be written is told and left`() {
        let directory = TemporaryDirectory()
        directory.write([], to: "file")
        let cache = KernelCache(directory: "\(directory.path)/file/kernels")
        #expect(!cache.write(Self.code, for: Self.key))
        #expect(cache.read(Self.key) == nil)
        #expect(directory.files() == ["file"])
    }

    @Test func `the directory is the user's cache`() {
        func directory(_ variables: [String: String]) -> String? {
            KernelCache.standardDirectory { variables[$0] }
        }
        #expect(directory(["XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/x/punica/kernels")
        #expect(directory(["XDG_CACHE_HOME": "relative", "HOME": "/h"]) == "/h/.cache/punica/kernels")
        #expect(directory(["HOME": "/h"]) == "/h/.cache/punica/kernels")
        #expect(directory(["HOME": ""]) == nil)
        #expect(directory([:]) == nil)
    }

    private func key(name: String = "rows.cu", text: String, headers: [KernelSource.Header]) -> KernelCache.Key {
        let source = KernelSource(name: name, text: text, headers: headers)
        return KernelCache.Key(KernelJob(source, defines: Self.job.defines), architecture: "sm_90a", compiler: (13, 0))
    }
}
