import Core
import Foundation
import TestSupport
import Testing
import Weights

@Suite struct SafetensorsTests {
    @Test func `a written file reads back`() throws {
        let a = HostTensor.floats([1, 2, 3, 4, 5, 6], shape: [2, 3])
        let b = HostTensor.floats([7], shape: [])
        let bytes = SafetensorsWriter.encode([("a", a), ("b", b)], metadata: ["format": "pt"])
        let file = try SafetensorsFile(bytes)
        #expect(file.names == ["a", "b"])
        #expect(try file.tensor(named: "a")?.floats == [1, 2, 3, 4, 5, 6])
        #expect(try file.tensor(named: "a")?.shape == [2, 3])
        #expect(try file.tensor(named: "b")?.floats == [7])
        #expect(try file.tensor(named: "c") == nil)
    }

    @Test func `mapped and copied reads agree`() throws {
        let directory = try TemporaryDirectory()
        let tensor = HostTensor.floats((0..<1000).map(Float.init), shape: [10, 100])
        try directory.write(SafetensorsWriter.encode([("w", tensor)]), to: "m.safetensors")
        let path = directory.path + "/m.safetensors"
        let mapped = try SafetensorsFile(path: path)
        let copied = try SafetensorsFile(reading: path, limit: 1 << 20)
        #expect(try mapped.tensor(named: "w")?.floats == tensor.floats)
        #expect(try copied.tensor(named: "w")?.floats == tensor.floats)
        #expect(throws: WeightsError.self) { try SafetensorsFile(reading: path, limit: 4000) }
    }

    @Test func `data behind an unpadded header is realigned`() throws {
        let header = #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        let file = try SafetensorsFile(header: header + " ", dataCount: 8)
        let tensor = try #require(try file.tensor(named: "w"))
        #expect(Int(bitPattern: tensor.bytes.baseAddress) % 4 == 0)
        #expect(tensor.floats == [0, 0])
    }

    @Test func `other scalar types are refused by name only when asked for`() throws {
        let header = #"{"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#
        let file = try SafetensorsFile(header: header, dataCount: 8)
        #expect(file.shape(of: "n") == [1])
        let refusal = WeightsError.unsupported(
            file: "test.safetensors",
            key: "n.dtype",
            value: "I64",
            supported: "F32, F16, BF16"
        )
        #expect(throws: refusal) { try file.tensor(named: "n") }
    }

    @Test(arguments: [
        ("end past the file", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}"#, "a.data_offsets"),
        ("begin past end", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "a.data_offsets"),
        ("wrong size", #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "a.data_offsets"),
        ("size of 2^63", #"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}"#, "a.shape"),
        (
            "product over 2^63", #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#,
            "a.shape"
        ),
        ("negative size", #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "a.shape"),
        ("offset of 2^64", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551616]}}"#, "a.data_off"),
        ("three offsets", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, "a.data_offsets"),
        ("a hole at the end", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "data"),
        ("a hole at the start", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "a.data_offsets"),
        (
            "overlap",
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            "b.data_offsets"
        ),
        (
            "a key twice",
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            "header"
        ),
        ("an unknown field", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, "a"),
        ("no dtype", #"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, "a.dtype"),
        ("no offsets", #"{"a":{"dtype":"F32","shape":[2]}}"#, "a.data_offsets"),
        ("metadata of numbers", #"{"__metadata__":{"n":1}}"#, "__metadata__.n"),
        ("a list", "[1,2,3]", "header"),
        ("broken JSON", #"{"a":"#, "header"),
    ])
    func `a bad header is refused by key`(name: String, header: String, key: String) throws {
        let error = #expect(throws: WeightsError.self) { try SafetensorsFile(header: header, dataCount: 8) }
        let text = try #require(error).description
        #expect(text.contains("test.safetensors"), "\(name): \(text)")
        #expect(text.contains("'\(key)"), "\(name): \(text)")
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 62, 100_000_001, 57, 1, 0])
    func `a header length outside the file is refused`(length: UInt64) throws {
        let bytes = withUnsafeBytes(of: length.littleEndian) { [UInt8]($0) } + Array("{}".utf8)
        let refusal = WeightsError.outOfBounds(
            file: "test.safetensors",
            key: "header length",
            value: "\(length)",
            bound: "2 ... 2"
        )
        #expect(throws: refusal) { try SafetensorsFile(bytes) }
    }

    @Test func `every truncation of a file is refused`() throws {
        let tensor = HostTensor.floats([1, 2, 3, 4], shape: [2, 2])
        let bytes = SafetensorsWriter.encode([("layer.a", tensor), ("layer.b", tensor)])
        for count in 0..<bytes.count {
            #expect(throws: WeightsError.self) { try SafetensorsFile(Array(bytes[..<count])) }
        }
    }

    @Test func `random damage never crashes`() throws {
        var generator = SplitMix(seed: 7)
        let tensor = HostTensor.floats([1, 2, 3, 4], shape: [2, 2])
        let valid = SafetensorsWriter.encode([("a", tensor), ("b", tensor)], metadata: ["k": "v"])
        let tokens = Array(#"{}[]",:0123456789-eF.\"#.utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                let isToken = Bool.random(using: &generator)
                bytes[index] =
                    isToken ? tokens.randomElement(using: &generator) ?? 0 : .random(in: 0...255, using: &generator)
            }
            guard let file = try? SafetensorsFile(bytes) else { continue }
            for name in file.names { _ = try? file.tensor(named: name)?.bytes.reduce(0, &+) }
            accepted += 1
        }
        #expect(accepted > 0 && accepted < 20_000, "both outcomes occur: \(accepted) accepted")
    }

    @Test func `what is not a regular file is refused and no descriptor stays open`() throws {
        let directory = try TemporaryDirectory()
        let pipe = directory.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        for _ in 0..<200 {
            #expect(throws: WeightsError.self) { try SafetensorsFile(path: pipe) }
            #expect(throws: WeightsError.self) { try SafetensorsFile(path: directory.path) }
            #expect(throws: WeightsError.self) { try SafetensorsFile(reading: pipe, limit: 100) }
        }
        let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        #expect(after < before + 100)
        #expect(throws: WeightsError.self) { try SafetensorsFile(path: directory.path + "/absent") }
    }
}
