import CUDA
import Testing

@Suite struct KernelCompilerTests {
    private static let jobs = (0..<20).map { index in
        KernelJob(
            KernelSource(name: "k\(index).cu", text: "text \(index)", headers: [.init(name: "h.cuh", text: "head")]),
            defines: ["N": "\(index)", "A": "x"],
            options: ["-lineinfo"]
        )
    }

    @Test func `machine code comes in the order of the jobs, with their options`() throws {
        let compiler = KernelCompiler(try .fake(), cacheDirectory: nil)
        let (cubins, report) = try compiler.machineCode(Self.jobs, architecture: "sm_90a")
        for (index, cubin) in cubins.enumerated() {
            #expect(
                String(decoding: cubin, as: UTF8.self)
                    == "k\(index).cu|--gpu-architecture=sm_90a -std=c++17 -DA=x -DN=\(index) -lineinfo|h.cuh=head|text \(index)"
            )
        }
        #expect(report.compiled == Self.jobs.map(\.source.name))
        #expect(report.cached.isEmpty)
    }

    @Test func `what is cached is not compiled again, unless the compiler is another`() throws {
        let directory = TemporaryDirectory()
        let compiler = KernelCompiler(try .fake(), cacheDirectory: directory.path)
        let first = try compiler.machineCode(Array(Self.jobs[..<10]), architecture: "sm_90a")
        let second = try compiler.machineCode(Self.jobs, architecture: "sm_90a")
        #expect(second.report.cached == Self.jobs[..<10].map(\.source.name))
        #expect(second.report.compiled == Self.jobs[10...].map(\.source.name))
        #expect(Array(second.cubins[..<10]) == first.cubins)
        #expect(directory.files().count == 20)
        let later = KernelCompiler(try .fake(minor: 1), cacheDirectory: directory.path)
        #expect(try later.machineCode(Self.jobs, architecture: "sm_90a").report.cached.isEmpty)
        #expect(try compiler.machineCode(Self.jobs, architecture: "sm_80").report.cached.isEmpty)
    }

    @Test func `a cache that cannot be written costs only time`() throws {
        let compiler = KernelCompiler(try .fake(), cacheDirectory: "/proc/nothing/here")
        for _ in 0..<2 {
            #expect(try compiler.machineCode(Self.jobs, architecture: "sm_80").report.compiled.count == 20)
        }
    }

    @Test func `a kernel that does not compile is told with the log`() throws {
        let directory = TemporaryDirectory()
        let compiler = KernelCompiler(try .fake(), cacheDirectory: directory.path)
        let jobs = Self.jobs + [KernelJob(KernelSource(name: "bad.cu", text: "#error"))]
        let error = CUDAError.compilation(kernel: "bad.cu", log: "bad.cu(1): error: as asked")
        for _ in 0..<2 {
            #expect(throws: error) { try compiler.machineCode(jobs, architecture: "sm_80") }
        }
        #expect(error.description == "the kernels in bad.cu do not compile:\nbad.cu(1): error: as asked")
    }

    @Test func `the compiler's own failures carry its name for them`() throws {
        let compiler = KernelCompiler(try .fake(), cacheDirectory: nil)
        let job = KernelJob(KernelSource(name: "bad.cu", text: "#internal"))
        let error = #expect(throws: CUDAError.self) { try compiler.machineCode([job], architecture: "sm_80") }
        #expect(
            error
                == .call(
                    function: "nvrtcCompileProgram",
                    code: 11,
                    name: "FAKE_ERROR",
                    meaning: "bad.cu(1): error: as asked"
                )
        )
    }

    @Test func `no jobs are no work`() throws {
        let compiler = KernelCompiler(try .fake(), cacheDirectory: nil)
        #expect(try compiler.machineCode([], architecture: "sm_80").cubins.isEmpty)
    }

    @Test func `modules are loaded for the GPU that there is`() throws {
        let compiler = KernelCompiler(try .fake(), cacheDirectory: nil)
        try FakeDriver.run { fake, context in
            let modules = try compiler.compile(Array(Self.jobs[..<3]), for: context)
            #expect(modules.map(\.name) == ["k0.cu", "k1.cu", "k2.cu"])
            #expect(fake.count("moduleLoad") == 3)
        }
    }
}
