import CUDA
import Foundation
import Testing

@Suite struct EmbeddedKernelTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/CUDAKernels")

    private static func files(_ folder: String, _ suffixes: [String]) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: Self.folder.appending(path: folder).path)
            .filter { name in suffixes.contains { name.hasSuffix($0) } }
    }

    @Test func `every kernel file is in the program, as it is on disk`() throws {
        let names = try Self.files("cu", [".cu"])
        #expect(!names.isEmpty)
        #expect(Set(KernelSource.embeddedNames) == Set(names))
        for name in KernelSource.embeddedNames {
            let text = try String(contentsOf: Self.folder.appending(path: "cu/\(name)"), encoding: .utf8)
            #expect(KernelSource(embedded: name).text == text, "\(name)")
        }
    }

    @Test(arguments: KernelSource.embeddedNames)
    func `a kernel brings the headers that it includes and no others`(name: String) throws {
        let source = KernelSource(embedded: name)
        let included = ([source.text] + source.headers.map(\.text)).flatMap { text in
            text.split(separator: "\n").filter { $0.hasPrefix("#include \"") }.compactMap {
                $0.split(separator: "\"").dropFirst().first.map(String.init)
            }
        }
        #expect(Set(source.headers.map(\.name)) == Set(included))
    }

    private static func forms(of name: String) -> [[String: String]] {
        let types = ["0", "1"].map { ["PUNICA_BF16": $0] }
        guard name == "dense_stream.cu" else { return types }
        let geometries = [("0", "4", "4"), ("1", "3", "2"), ("1", "4", "4"), ("1", "2", "4")]
        return types
            + geometries.map { updates, tiles, rowTiles in
                ["DENSE_UPDATES": updates, "DENSE_TILES": tiles, "DENSE_ROW_TILES": rowTiles]
            }
    }

    @Test(
        .enabled(if: NVRTC.ofThisMachine != nil, "NVRTC is not on this machine"),
        arguments: KernelSource.embeddedNames,
        ["sm_80", "sm_90a", "sm_100a"]
    )
    func `every kernel compiles for every generation`(name: String, architecture: String) throws {
        let nvrtc = try #require(NVRTC.ofThisMachine)
        for defines in Self.forms(of: name) {
            let job = KernelJob(KernelSource(embedded: name), defines: defines)
            let cubin = try nvrtc.compile(job, architecture: architecture)
            #expect(cubin.starts(with: [0x7f] + Array("ELF".utf8)))
        }
    }
}

@Suite(.enabled(if: NVRTC.ofThisMachine != nil, "NVRTC is not on this machine"))
struct NVRTCTests {
    @Test func `a kernel becomes machine code for its architecture`() throws {
        let nvrtc = try #require(NVRTC.ofThisMachine)
        let header = KernelSource.Header(name: "one.cuh", text: "#define ONE 1\n")
        let source = KernelSource(
            name: "add.cu",
            text: """
                #include "one.cuh"
                extern "C" __global__ void add(int *y) { y[threadIdx.x] += ONE + TWO; }
                """,
            headers: [header]
        )
        let job = KernelJob(source, defines: ["TWO": "2"])
        let codes = try ["sm_80", "sm_90a", "sm_100a"].map { try nvrtc.compile(job, architecture: $0) }
        #expect(codes.allSatisfy { $0.starts(with: [0x7f, 0x45, 0x4c, 0x46]) })
        #expect(Set(codes).count == 3)
        #expect(try nvrtc.compile(job, architecture: "sm_90a") == codes[1])
    }

    @Test func `a mistake is told with file, line and what is wrong`() throws {
        let nvrtc = try #require(NVRTC.ofThisMachine)
        let job = KernelJob(KernelSource(name: "bad.cu", text: "\nextern \"C\" __global__ void bad() { missing(); }\n"))
        let error = #expect(throws: CUDAError.self) { try nvrtc.compile(job, architecture: "sm_90a") }
        #expect(error?.description.contains("bad.cu(2): error: identifier \"missing\" is undefined") == true)
    }

    @Test func `an architecture it does not know is an error`() throws {
        let nvrtc = try #require(NVRTC.ofThisMachine)
        let job = KernelJob(KernelSource(name: "empty.cu", text: ""))
        #expect(throws: CUDAError.self) { try nvrtc.compile(job, architecture: "sm_11") }
    }
}

extension NVRTC {
    /// The compiler, where one is installed.
    static let ofThisMachine = try? NVRTC()
}
