import Adapters
import Backends
import Core
import Foundation
import JSON
import Models
import Testing
import Weights

/// The committed references of `Tests/Golden/models`; its README.md tells what each field is.
enum GoldenModels {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Golden/models").path

    static let cases: [GoldenCase] = {
        guard let data = FileManager.default.contents(atPath: directory + "/cases.json"),
            let document = try? JSONValue(parsing: Array(data))
        else { return [] }
        return (document["cases"]?.array ?? []).compactMap(GoldenCase.init)
    }()

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: directory + "/" + path)))
    }

    static func configuration(of model: String) throws -> ModelConfiguration {
        try ModelConfiguration(
            parsing: bytes(model + "/config.json"),
            generation: bytes(model + "/generation_config.json")
        )
    }
}

struct GoldenCase: Sendable, CustomTestStringConvertible {
    let id: String
    let model: String
    let type: String
    let adapter: String?
    let prompt: [TokenID]
    let continuation: [TokenID]
    let last: String
    let steps: String
    let ownLast: String?
    let ownSteps: String?

    init?(_ value: JSONValue) {
        guard let id = value["id"]?.string, let model = value["model"]?.string, let type = value["type"]?.string,
            let last = value["last"]?.string, let steps = value["steps"]?.string
        else { return nil }
        self.id = id
        self.model = model
        self.type = type
        self.last = last
        self.steps = steps
        adapter = value["adapter"]?.string
        prompt = (value["prompt"]?.array ?? []).compactMap { $0.int.map { TokenID(Int32($0)) } }
        continuation = (value["continuation"]?.array ?? []).compactMap { $0.int.map { TokenID(Int32($0)) } }
        ownLast = value["ownLast"]?.string
        ownSteps = value["ownSteps"]?.string
    }

    var testDescription: String { id }

    /// A reference tensor of this case, row by row.
    func reference(_ name: String) throws -> [[Float]] {
        let file = try SafetensorsFile(path: GoldenModels.directory + "/" + model + "/logits.safetensors")
        let tensor = try #require(try file.tensor(named: name))
        #expect(tensor.type == .float32)
        let numbers = tensor.bytes.count / 4
        let values = (0..<numbers).map { tensor.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        let width = tensor.shape[1]
        return (0..<tensor.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }
}

/// ‖found − reference‖ / ‖reference‖ over all numbers.
func relativeError(_ found: [[Float]], _ reference: [[Float]]) -> Double {
    var (difference, norm) = (0.0, 0.0)
    for (foundRow, referenceRow) in zip(found, reference) {
        guard foundRow.count == referenceRow.count else { return .infinity }
        for (one, other) in zip(foundRow, referenceRow) {
            difference += Double(one - other) * Double(one - other)
            norm += Double(other) * Double(other)
        }
    }
    // A NaN anywhere makes this NaN, which is below no bound.
    return found.count == reference.count ? (difference / norm).squareRoot() : .infinity
}
