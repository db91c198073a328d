import Foundation
import JSON
import Testing
import Weights

@testable import Adapters

/// Real PEFT directories, made by `scripts/golden/models.py`.
@Suite struct GoldenAdapterTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Golden/models").path

    static let cases: JSONValue = {
        guard let data = FileManager.default.contents(atPath: root + "/cases.json") else { return nil }
        return (try? JSONValue(parsing: [UInt8](data))) ?? nil
    }()

    static let models: [String] = Array(Set((cases["cases"]?.array ?? []).compactMap { $0["model"]?.string })).sorted()

    static let adapters: [[String]] = Set(
        (cases["cases"]?.array ?? []).compactMap { item -> [String]? in
            guard let model = item["model"]?.string, let adapter = item["adapter"]?.string else { return nil }
            return [model, adapter]
        }
    ).sorted { $0[1] < $1[1] }

    static let refused: [[String]] = (cases["refused"]?.array ?? []).compactMap { item in
        guard let model = item["model"]?.string, let adapter = item["adapter"]?.string else { return nil }
        return [model, adapter, item["mentions"]?.string ?? ""]
    }

    private func loader(_ model: String) throws -> AdapterLoader {
        let directory = Self.root + "/" + model
        let configuration = try ModelConfiguration(
            parsing: FileBytes.array(path: directory + "/config.json", limit: 1 << 20),
            generation: FileBytes.array(path: directory + "/generation_config.json", limit: 1 << 20)
        )
        let checkpoint = try Checkpoint(directory: directory)
        try checkpoint.validate(against: configuration)
        return AdapterLoader(model: configuration, base: checkpoint)
    }

    @Test func `the golden files are there`() {
        #expect(Self.models.count >= 8 && Self.adapters.count >= 20 && Self.refused.count >= 10)
    }

    @Test(arguments: models) func `a golden model fits its configuration`(model: String) throws {
        _ = try loader(model)
    }

    @Test(arguments: adapters) func `a golden adapter loads with every tensor applied`(item: [String]) throws {
        let adapter = try loader(item[0]).load(directory: Self.root + "/" + item[1])
        let file = try SafetensorsFile(path: Self.root + "/" + item[1] + "/adapter_model.safetensors")
        let pairs = file.names.count { $0.contains(".lora_A") || $0.contains(".lora_embedding_A") }
        #expect(adapter.summary.applied.reduce(0) { $0 + $1.count } == pairs)
        #expect(adapter.summary.unmatchedTargets.isEmpty)
        #expect(adapter.summary.usesDora == file.names.contains { $0.contains("lora_magnitude_vector") })
    }

    @Test(arguments: refused) func `a golden adapter that must not load is refused by name`(item: [String]) throws {
        let error = #expect(throws: AdapterError.self) {
            try loader(item[0]).load(directory: Self.root + "/" + item[1])
        }
        let text = try #require(error).description
        #expect(text.contains(item[2]), "\(text)")
    }
}
