package import Core
import JSON

/// A model's tensors by their Hugging Face names: one safetensors file, several with an index, or made up.
package struct Checkpoint: Sendable {
    private enum Place: Sendable {
        case file(Int)
        case memory(HostTensor)
    }

    /// The directory, or what stands for it in messages.
    package let directory: String
    private let files: [SafetensorsFile]
    private let places: [String: Place]
    /// Which part of the tensors this is.
    var shard = TensorShard.whole

    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    ///
    /// Nothing is read yet but the headers; the files must stay as they are while tensors of them live.
    package init(directory: String) throws(WeightsError) {
        let single = directory + "/model.safetensors"
        let index = directory + "/model.safetensors.index.json"
        if isReadable(single) {
            let file = try SafetensorsFile(path: single)
            let places = Dictionary(uniqueKeysWithValues: file.names.map { ($0, Place.file(0)) })
            self.init(directory: directory, files: [file], places: places)
        } else if isReadable(index) {
            try self.init(directory: directory, index: index)
        } else {
            throw .missing(file: directory, key: "model.safetensors or model.safetensors.index.json")
        }
    }

    /// - Parameter tensors: what the checkpoint holds; `directory` names it in messages.
    package init(tensors: [String: HostTensor], directory: String) {
        self.init(directory: directory, files: [], places: tensors.mapValues { .memory($0) })
    }

    private init(directory: String, files: [SafetensorsFile], places: [String: Place]) {
        self.directory = directory
        self.files = files
        self.places = places
    }

    private init(directory: String, index: String) throws(WeightsError) {
        let shards = try ShardIndex(path: index)
        var files: [SafetensorsFile] = []
        var numbers: [String: Int] = [:]
        for name in shards.fileNames {
            numbers[name] = files.count
            files.append(try SafetensorsFile(path: directory + "/" + name))
        }
        var places: [String: Place] = [:]
        for (tensor, name) in shards.weightMap {
            guard let number = numbers[name], files[number].contains(tensor) else {
                throw .missing(file: directory + "/" + name, key: tensor)
            }
            places[tensor] = .file(number)
        }
        self.init(directory: directory, files: files, places: places)
    }

    /// The tensors' names, sorted.
    package var names: [String] { places.keys.sorted() }

    package func contains(_ name: String) -> Bool { places[name] != nil }

    package func tensor(named name: String) throws(WeightsError) -> HostTensor {
        cut(try wholeTensor(named: name), named: name)
    }

    private func wholeTensor(named name: String) throws(WeightsError) -> HostTensor {
        switch places[name] {
        case .memory(let tensor):
            return tensor
        case .file(let number):
            guard let tensor = try files[number].tensor(named: name) else {
                throw .missing(file: files[number].path, key: name)
            }
            return tensor
        case nil:
            throw .missing(file: directory, key: name)
        }
    }

    /// The shape of a tensor before any cut; nil for an unknown name.
    private func wholeShape(of name: String) -> [Int]? {
        switch places[name] {
        case .memory(let tensor): tensor.shape
        case .file(let number): files[number].shape(of: name)
        case nil: nil
        }
    }

    /// Checks that the checkpoint has every tensor of a configuration in its shape, and none without a place.
    ///
    /// Whole shapes are compared: what a file has may be such that it cannot be cut.
    ///
    /// - Parameter configuration: of the same part as the checkpoint.
    package func validate(against configuration: ModelConfiguration) throws(WeightsError) {
        var expected: Set<String> = []
        for (name, part) in configuration.tensorShapes() {
            expected.insert(name)
            guard let found = wholeShape(of: name) else { throw .missing(file: directory, key: name) }
            let whole = uncutShape(part, of: name)
            guard found == whole else {
                throw .shapeMismatch(file: directory, key: name, found: found, expected: whole)
            }
        }
        for name in names where !expected.contains(name) {
            // Old checkpoints store the rotary frequencies, and tied ones sometimes the head once more.
            let isHarmless = name.hasSuffix(".rotary_emb.inv_freq") || name == "lm_head.weight"
            guard isHarmless else { throw .unexpected(file: directory, key: name) }
        }
    }
}
