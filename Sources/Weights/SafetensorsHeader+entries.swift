import JSON

extension SafetensorsHeader {
    /// Reads the header's members one by one, then checks how their ranges lie together.
    struct EntryReader {
        let file: String
        /// Bytes after the header.
        let dataCount: Int
        var entries: [String: Entry] = [:]

        init(file: String, dataCount: Int) {
            self.file = file
            self.dataCount = dataCount
        }

        mutating func read(key: String, value: JSONValue) throws(WeightsError) {
            guard let fields = value.object else {
                throw .malformed(file: file, key: key, reason: "it is a JSON \(value.kind), not an object")
            }
            if key == "__metadata__" { return try checkMetadata(fields) }
            let known = ["dtype", "shape", "data_offsets"]
            if let unknown = fields.keys.first(where: { !known.contains($0) }) {
                throw .malformed(file: file, key: key, reason: "unknown field '\(unknown)'")
            }
            guard let dtype = fields["dtype"]?.string else {
                throw .malformed(file: file, key: "\(key).dtype", reason: "a string is required")
            }
            let shape = try wholeNumbers(fields["shape"], key: "\(key).shape", count: 0...maxDimensions)
            let offsets = try wholeNumbers(fields["data_offsets"], key: "\(key).data_offsets", count: 2...2)
            let range = try range(offsets, key: key)
            try checkSize(range: range, shape: shape, dtype: dtype, key: key)
            entries[key] = Entry(dtype: dtype, shape: shape, range: range)
        }

        private func checkMetadata(_ fields: JSONObject) throws(WeightsError) {
            for (key, value) in fields where value.string == nil {
                throw .malformed(file: file, key: "__metadata__.\(key)", reason: "a string is required")
            }
        }

        private func wholeNumbers(
            _ value: JSONValue?,
            key: String,
            count: ClosedRange<Int>
        ) throws(WeightsError) -> [Int] {
            guard let elements = value?.array else {
                throw .malformed(file: file, key: key, reason: "a list of whole numbers is required")
            }
            guard count.contains(elements.count) else {
                let bound = "\(count.lowerBound) ... \(count.upperBound) numbers"
                throw .outOfBounds(file: file, key: key, value: "\(elements.count) numbers", bound: bound)
            }
            var numbers: [Int] = []
            for element in elements {
                guard case .integer(let number) = element, number >= 0 else {
                    throw .outOfBounds(file: file, key: key, value: element.encoded(), bound: "0 ... \(Int.max)")
                }
                numbers.append(number)
            }
            return numbers
        }

        private func range(_ offsets: [Int], key: String) throws(WeightsError) -> Range<Int> {
            let (begin, end) = (offsets[0], offsets[1])
            guard end <= dataCount else {
                let bound = "at most \(dataCount), where the file ends"
                throw .outOfBounds(file: file, key: "\(key).data_offsets", value: "\(end)", bound: bound)
            }
            guard begin <= end else {
                let bound = "at most its end, \(end)"
                throw .outOfBounds(file: file, key: "\(key).data_offsets", value: "\(begin)", bound: bound)
            }
            return begin..<end
        }

        private func checkSize(range: Range<Int>, shape: [Int], dtype: String, key: String) throws(WeightsError) {
            // The size of a type that we do not know cannot be checked; such a tensor is refused when asked for.
            guard let bits = Self.bitCount(ofType: dtype) else { return }
            var total = bits
            for dimension in shape {
                let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
                guard !overflow else {
                    let bound = "of a product below 2^63 bits"
                    throw .outOfBounds(file: file, key: "\(key).shape", value: "\(shape)", bound: bound)
                }
                total = product
            }
            guard total % 8 == 0, total / 8 == range.count else {
                let bound = "\(total / 8) bytes long for \(dtype) \(shape)"
                throw .outOfBounds(file: file, key: "\(key).data_offsets", value: "\(range.count) bytes", bound: bound)
            }
        }

        /// The tensors must cover the data exactly, each beginning where the one before ends.
        func checkTiling() throws(WeightsError) {
            let ordered = entries.sorted {
                ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
                    < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
            }
            var end = 0
            for (key, entry) in ordered {
                guard entry.range.lowerBound == end else {
                    let bound = "\(end), where the tensor before it ends"
                    let value = "\(entry.range.lowerBound)"
                    throw .outOfBounds(file: file, key: "\(key).data_offsets", value: value, bound: bound)
                }
                end = entry.range.upperBound
            }
            guard end == dataCount else {
                let bound = "\(end) bytes, where the last tensor ends"
                throw .outOfBounds(file: file, key: "data", value: "\(dataCount) bytes", bound: bound)
            }
        }

        private static func bitCount(ofType dtype: String) -> Int? {
            switch dtype {
            case "F4": 4
            case "F6_E2M3", "F6_E3M2": 6
            case "BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0": 8
            case "U16", "I16", "F16", "BF16": 16
            case "U32", "I32", "F32": 32
            case "U64", "I64", "F64", "C64": 64
            default: nil
            }
        }
    }
}
