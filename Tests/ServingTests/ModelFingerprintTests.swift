import Core
import Foundation
import Serving
import Testing

struct ModelFingerprintTests {
    @Test func `equal models have equal fingerprints, other weights of the same shapes another`() throws {
        let demo = ServedDemo.directory + "/base"
        let fingerprint = try ModelDirectory(path: demo).fingerprint()
        #expect(fingerprint.count == 16)
        #expect(try ModelDirectory(path: demo).fingerprint() == fingerprint)
        #expect(try ModelDirectory(path: demo, loadFormat: .dummy).fingerprint() != fingerprint)
    }

    @Test func `one changed weight at a tensor's start is seen`() throws {
        let copy = FileManager.default.temporaryDirectory.appending(path: "fingerprint-\(UUID())")
        try FileManager.default.copyItem(atPath: ServedDemo.directory + "/base", toPath: copy.path)
        defer { try? FileManager.default.removeItem(at: copy) }
        let file = copy.appending(path: "model.safetensors")
        var bytes = try Data(contentsOf: file)
        let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        bytes[8 + header] ^= 1
        try bytes.write(to: file)
        #expect(
            try ModelDirectory(path: copy.path).fingerprint()
                != ModelDirectory(path: ServedDemo.directory + "/base").fingerprint()
        )
    }
}
