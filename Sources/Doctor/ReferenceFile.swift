internal import Core
internal import Foundation
internal import JSON
internal import Weights

/// What another implementation answered: sequences and the logits after each of their tokens (scripts/gpu/reference.py).
struct ReferenceFile {
    struct Sequence {
        /// A directory below `adapters`; nil for the bare base.
        let adapter: String?
        let prompt: [TokenID]
        let continuation: [TokenID]
    }

    let sequences: [Sequence]
    private let tensors: SafetensorsFile

    init(directory: String) throws {
        let path = directory + "/reference.json"
        let document = try JSONValue(parsing: Array(try Data(contentsOf: URL(filePath: path))))
        sequences = try (document["sequences"]?.array ?? []).map { value in
            guard let prompt = value["prompt"]?.tokens, let continuation = value["continuation"]?.tokens,
                !prompt.isEmpty
            else { throw WeightsError.missing(file: path, key: "prompt or continuation") }
            return Sequence(adapter: value["adapter"]?.string, prompt: prompt, continuation: continuation)
        }
        guard !sequences.isEmpty else { throw WeightsError.missing(file: path, key: "sequences") }
        tensors = try SafetensorsFile(path: directory + "/reference.safetensors")
    }

    /// Logits `[continuation + 1][V]` of a sequence, in the reference's own arithmetic or in float32.
    func logits(of sequence: Int, exact: Bool) throws -> [[Float]] {
        let name = "\(sequence).\(exact ? "exact" : "own")"
        guard let tensor = try tensors.tensor(named: name), tensor.type == .float32, tensor.shape.count == 2,
            tensor.shape[0] == sequences[sequence].continuation.count + 1
        else { throw WeightsError.missing(file: tensors.path, key: name) }
        let width = tensor.shape[1]
        return (0..<tensor.shape[0]).map { row in
            (0..<width).map {
                tensor.bytes.loadUnaligned(fromByteOffset: 4 * (row * width + $0), as: Float.self)
            }
        }
    }
}

extension JSONValue {
    fileprivate var tokens: [TokenID]? { array?.compactMap { $0.int.map { TokenID(Int32($0)) } } }
}
