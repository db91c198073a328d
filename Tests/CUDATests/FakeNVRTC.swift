import CCUDA
import CUDA

/// A compiler without NVRTC: machine code is the text of what it was told, and `#error` fails.
///
/// A program's handle points to its object, so that any thread may compile.
final class FakeProgram {
    let source: String
    let name: String
    let headers: [String]
    var options: [String] = []

    init(source: String, name: String, headers: [String]) {
        self.source = source
        self.name = name
        self.headers = headers
    }

    var code: [UInt8] {
        Array("\(name)|\(options.joined(separator: " "))|\(headers.joined(separator: ","))|\(source)".utf8)
    }

    static func of(_ handle: nvrtcProgram) -> FakeProgram {
        Unmanaged<FakeProgram>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
    }
}

extension NVRTC {
    static func fake(minor: Int32 = 0) throws(CUDAError) -> NVRTC {
        try NVRTC(minor == 0 ? .fake : .fakeOfNextVersion, path: "fake")
    }
}

extension NVRTCFunctions {
    static var fakeOfNextVersion: NVRTCFunctions {
        var functions = fake
        functions.version = { major, minor in
            (major.pointee, minor.pointee) = (13, 1)
            return 0
        }
        return functions
    }

    static var fake: NVRTCFunctions {
        NVRTCFunctions(
            version: { major, minor in
                (major.pointee, minor.pointee) = (13, 0)
                return 0
            },
            getErrorString: { code in UnsafePointer(fakeError) },
            createProgram: { program, source, name, headerCount, texts, names in
                let headers = (0..<Int(headerCount)).map { index in
                    "\(string(names?[index]))=\(string(texts?[index]))"
                }
                let made = FakeProgram(source: string(source), name: string(name), headers: headers)
                program.pointee = OpaquePointer(Unmanaged.passRetained(made).toOpaque())
                return 0
            },
            destroyProgram: { program in
                guard let handle = program.pointee else { return 4 }
                Unmanaged<FakeProgram>.fromOpaque(UnsafeRawPointer(handle)).release()
                program.pointee = nil
                return 0
            },
            compileProgram: { program, count, options in
                let program = FakeProgram.of(program)
                program.options = (0..<Int(count)).map { string(options?[$0]) }
                if program.source.contains("#internal") { return 11 }
                return program.source.contains("#error") ? 6 : 0
            },
            getCUBINSize: { program, count in
                count.pointee = FakeProgram.of(program).code.count
                return 0
            },
            getCUBIN: { program, bytes in
                for (index, byte) in FakeProgram.of(program).code.enumerated() {
                    bytes[index] = CChar(bitPattern: byte)
                }
                return 0
            },
            getProgramLogSize: { program, count in
                count.pointee = log(program).utf8.count + 1
                return 0
            },
            getProgramLog: { program, bytes in
                for (index, byte) in log(program).utf8CString.enumerated() { bytes[index] = byte }
                return 0
            }
        )
    }
}

private func log(_ program: nvrtcProgram) -> String { "\(FakeProgram.of(program).name)(1): error: as asked" }

private func string(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

// Never freed, never written again.
private nonisolated(unsafe) let fakeError: UnsafeMutablePointer<CChar> = {
    let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 12)
    _ = bytes.initialize(from: "FAKE_ERROR".utf8CString)
    return bytes.baseAddress ?? UnsafeMutablePointer.allocate(capacity: 1)
}()
