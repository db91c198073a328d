import Foundation
import Glibc

/// A directory that goes with everything in it.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/cuda-tests-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no temporary directory")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Names of the files in it, not in folders below.
    func files(in folder: String = "") -> [String] {
        guard let directory = opendir("\(path)/\(folder)") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func write(_ bytes: [UInt8], to name: String) {
        guard let file = fopen("\(path)/\(name)", "w") else { preconditionFailure("cannot write \(name)") }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    func read(_ name: String) -> [UInt8] {
        guard let file = fopen("\(path)/\(name)", "r") else { preconditionFailure("cannot read \(name)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while true {
            let byte = fgetc(file)
            if byte == EOF { return bytes }
            bytes.append(UInt8(byte))
        }
    }
}

extension TemporaryDirectory {
    func makeFolder(_ folder: String) {
        var made = path
        for part in folder.split(separator: "/") {
            made += "/\(part)"
            mkdir(made, 0o700)
        }
    }

    /// Makes a name in it for one of the system's libraries.
    func link(_ library: String, as name: String) {
        let folders = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"]
        for folder in folders where access("\(folder)/\(library)", R_OK) == 0 {
            symlink("\(folder)/\(library)", "\(path)/\(name)")
            return
        }
        preconditionFailure("no \(library) on this system")
    }
}
