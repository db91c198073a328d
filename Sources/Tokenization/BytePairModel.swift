/// The byte-pair encoding of a `tokenizer.json`: vocabulary, merges and what becomes of unknown characters.
struct BytePairModel: Sendable {
    let vocabulary: Vocabulary
    let merges: MergeTable
    /// Token of a scalar that has none; nil drops such scalars.
    let unknownID: Int32?
    let fusesUnknown: Bool
    /// Tokens `<0x00>`...`<0xFF>`, -1 where missing; empty without byte fallback.
    let byteIDs: [Int32]
    /// Whether a piece that is itself a token is taken whole.
    let ignoresMerges: Bool
    let continuingPrefix: [UInt8]
    let endSuffix: [UInt8]
    /// Tokens of the scalars below 512 where no prefix or suffix is in play, -1 where missing.
    private let scalarIDs: [Int32]

    struct Options {
        var unknownID: Int32?
        var fusesUnknown = false
        var usesByteFallback = false
        var ignoresMerges = false
        var continuingPrefix: [UInt8] = []
        var endSuffix: [UInt8] = []
    }

    init(vocabulary: Vocabulary, merges: MergeTable, options: Options) {
        self.vocabulary = vocabulary
        self.merges = merges
        unknownID = options.unknownID
        fusesUnknown = options.fusesUnknown
        ignoresMerges = options.ignoresMerges
        continuingPrefix = options.continuingPrefix
        endSuffix = options.endSuffix
        let codes = options.usesByteFallback ? Array(ByteAlphabet.fallbackTokens) : []
        byteIDs = codes.map { Int32(vocabulary.id(of: $0.utf8) ?? -1) }
        scalarIDs = (UInt32(0)..<512).map { value in
            var bytes: [UInt8] = []
            bytes.append(scalar: value)
            return Int32(vocabulary.id(of: bytes) ?? -1)
        }
    }

    /// Appends the tokens of one piece.
    ///
    /// - Parameters:
    ///   - piece: valid UTF-8.
    ///   - word: scratch; contents undefined afterwards.
    func encode(_ piece: ArraySlice<UInt8>, into output: inout [Int32], word: inout BytePairWord) {
        guard !piece.isEmpty else { return }
        if ignoresMerges, let id = vocabulary.id(of: piece) {
            output.append(Int32(id))
            return
        }
        word.removeAll()
        addSymbols(of: piece, to: &word)
        word.merge(by: merges)
        word.appendTokens(to: &output)
    }

    private func addSymbols(of piece: ArraySlice<UInt8>, to word: inout BytePairWord) {
        let text = piece.span
        var position = 0
        var pendingUnknown = false
        while position < text.count {
            let (scalar, length) = text.scalar(at: position)
            let range = piece.startIndex + position..<piece.startIndex + position + length
            if let id = id(ofScalar: scalar, piece, range) {
                if pendingUnknown, let unknownID { word.append(unknownID) }
                pendingUnknown = false
                word.append(id)
            } else if !fallBack(piece, range, to: &word), let unknownID {
                if pendingUnknown && !fusesUnknown { word.append(unknownID) }
                pendingUnknown = true
            }
            position += length
        }
        if pendingUnknown, let unknownID { word.append(unknownID) }
    }

    private func id(ofScalar scalar: UInt32, _ piece: ArraySlice<UInt8>, _ range: Range<Int>) -> Int32? {
        if continuingPrefix.isEmpty && endSuffix.isEmpty && scalar < 512 {
            return scalarIDs[Int(scalar)] < 0 ? nil : scalarIDs[Int(scalar)]
        }
        return vocabulary.id(of: dressed(piece, range)).map(Int32.init)
    }

    /// The scalar's bytes with the prefix or suffix that its place calls for.
    private func dressed(_ piece: ArraySlice<UInt8>, _ range: Range<Int>) -> ArraySlice<UInt8> {
        let prefix = range.lowerBound > piece.startIndex ? continuingPrefix : []
        let suffix = range.upperBound == piece.endIndex ? endSuffix : []
        return prefix.isEmpty && suffix.isEmpty ? piece[range] : (prefix + piece[range] + suffix)[...]
    }

    /// Appends one token per byte; false, with nothing appended, unless every byte has one.
    private func fallBack(_ piece: ArraySlice<UInt8>, _ range: Range<Int>, to word: inout BytePairWord) -> Bool {
        guard !byteIDs.isEmpty else { return false }
        let bytes = dressed(piece, range)
        guard bytes.allSatisfy({ byteIDs[Int($0)] >= 0 }) else { return false }
        for byte in bytes { word.append(byteIDs[Int(byte)]) }
        return true
    }
}
