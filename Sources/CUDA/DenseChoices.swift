internal import Core

/// Algorithms chosen by timing, for one kind of GPU and one version of cuBLASLt; they can be kept on disk.
///
/// A file is text: a line that names GPU and version, then one line a shape:
///
///     rows inputs outputs inputStride weightStride outputStride element result, eight words in base 16
///
/// A file for another GPU or version, or one that was changed, counts as none.
package final class DenseChoices {
    private let path: String?
    private let title: String
    private var algorithms: [DenseShape: DenseAlgorithm] = [:]
    private var isChanged = false

    /// Choices that are kept in memory only.
    package init() {
        path = nil
        title = ""
    }

    /// Choices kept in a directory, beside those for other GPUs and versions.
    package init(directory: String, gpu: String, version: Int) {
        let name = String(gpu.map { $0.isLetter || $0.isNumber ? $0 : "-" })
        path = "\(directory)/dense-\(name)-\(version).txt"
        title = "dense algorithms 3, cuBLASLt \(version), \(gpu)"
        guard let path, let bytes = readFile(path) else { return }
        algorithms = Self.parse(String(decoding: bytes, as: UTF8.self), title: title) ?? [:]
    }

    package var count: Int { algorithms.count }

    package subscript(shape: DenseShape) -> DenseAlgorithm? {
        get { algorithms[shape] }
        set {
            isChanged = isChanged || algorithms[shape] != newValue
            algorithms[shape] = newValue
        }
    }

    /// Writes the file, if there is one and something changed.
    ///
    /// - Returns: false when it could not be written.
    @discardableResult
    package func save() -> Bool {
        guard let path, isChanged else { return true }
        let lines = algorithms.map { shape, algorithm in
            ([shape.line] + algorithm.words.map { String($0, radix: 16) }).joined(separator: " ")
        }
        let text = ([title] + lines.sorted()).joined(separator: "\n") + "\n"
        isChanged = !replaceFile(path, with: Array((text + checksum(text)).utf8))
        return !isChanged
    }

    static func parse(_ text: String, title: String) -> [DenseShape: DenseAlgorithm]? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 2, lines[0] == title, let last = lines.last else { return nil }
        let body = lines.dropLast().joined(separator: "\n") + "\n"
        guard last == checksum(body) else { return nil }
        var algorithms: [DenseShape: DenseAlgorithm] = [:]
        for line in lines.dropFirst().dropLast() {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 16, let shape = DenseShape(fields: Array(fields[..<8])) else { return nil }
            let words = fields[8...].compactMap { UInt64($0, radix: 16) }
            guard let algorithm = DenseAlgorithm(words: words) else { return nil }
            algorithms[shape] = algorithm
        }
        return algorithms
    }
}

private func checksum(_ text: String) -> String { String(fnv1a(text.utf8), radix: 16) }

extension DenseShape {
    fileprivate var line: String {
        [
            "\(rows)", "\(inputs)", "\(outputs)", "\(inputStride)", "\(weightStride)", "\(outputStride)",
            element.rawValue, result.rawValue,
        ].joined(separator: " ")
    }

    fileprivate init?(fields: [String]) {
        let numbers = fields[..<6].compactMap { Int($0) }
        guard numbers.count == 6, numbers.allSatisfy({ $0 > 0 }), numbers[3] >= numbers[1], numbers[4] >= numbers[1],
            numbers[5] >= numbers[2],
            let element = ScalarType(rawValue: fields[6]), element != .float32,
            let result = ScalarType(rawValue: fields[7]), result == element || result == .float32
        else { return nil }
        self.init(
            rows: numbers[0],
            inputs: numbers[1],
            outputs: numbers[2],
            element: element,
            result: result,
            inputStride: numbers[3],
            weightStride: numbers[4],
            outputStride: numbers[5]
        )
    }
}
