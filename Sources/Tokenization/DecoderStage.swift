/// One decoder at work, with what it holds back.
struct DecoderStage: Sendable {
    /// Text travels in chunks: one per token, until a step joins them.
    enum Event: Equatable {
        /// More of the current chunk; whole characters, valid UTF-8.
        case text([UInt8])
        case chunkEnd
    }

    private let decoder: Decoder
    /// Text of the current chunk that waits for its end.
    private var held: [UInt8] = []
    /// Chunks that have ended.
    private var chunkCount = 0
    /// `byteFallback`: bytes of a run of byte tokens, which is valid or broken as a whole.
    private var run: [UInt8] = []
    /// `byteLevel`: makes characters of bytes.
    private var assembler = UTF8Assembler()
    /// `strip`: characters taken from the start of the current chunk.
    private var strippedCount = 0
    /// Whether nothing of the current chunk has come but what `strip` took.
    private var isAtStart = true

    init(_ decoder: Decoder) {
        self.decoder = decoder
    }

    /// What the next step gets for an event.
    mutating func accept(_ event: Event) -> [Event] {
        switch (decoder, event) {
        case (.byteFallback, .text(let text)), (.byteLevel, .text(let text)):
            held += text
            return []
        case (.byteFallback, .chunkEnd): return endByteFallbackChunk()
        case (.byteLevel, .chunkEnd):
            let text = assembler.append(ByteAlphabet.decode(held) ?? held)
            held.removeAll(keepingCapacity: true)
            return text.isEmpty ? [] : [.text(text)]
        case (.fuse, .text): return [event]
        case (.fuse, .chunkEnd): return []
        case (.joinWithSpaces, _): return joinWithSpaces(event)
        case (.metaspace(let replacement, let dropsFirst), .text(let text)):
            return [.text(Self.replaceMark(replacement, in: text, with: dropsFirst && chunkCount == 0 ? [] : [0x20]))]
        case (.metaspace, .chunkEnd):
            chunkCount += 1
            return [event]
        case (.replace(let pattern, let content), _): return replace(pattern, content, event)
        case (.strip(let content, let start, let stop), _): return strip(content, start, stop, event)
        }
    }

    /// What the next step gets when nothing more comes; called once.
    mutating func finish() -> [Event] {
        switch decoder {
        case .byteFallback: return flushRun()
        case .byteLevel: return [.text(assembler.finish()), .chunkEnd]
        case .fuse: return [.chunkEnd]
        case .joinWithSpaces, .metaspace, .replace, .strip: return []
        }
    }

    private mutating func endByteFallbackChunk() -> [Event] {
        defer { held.removeAll(keepingCapacity: true) }
        if let byte = ByteAlphabet.fallbackByte(held) {
            run.append(byte)
            return []
        }
        return flushRun() + [.text(held), .chunkEnd]
    }

    private mutating func flushRun() -> [Event] {
        guard !run.isEmpty else { return [] }
        defer { run.removeAll(keepingCapacity: true) }
        if UTF8Assembler.isValid(run) { return [.text(run), .chunkEnd] }
        return run.flatMap { _ in [Event.text(UTF8Assembler.replacement), .chunkEnd] }
    }

    private mutating func joinWithSpaces(_ event: Event) -> [Event] {
        let needsSpace = isAtStart && chunkCount > 0
        isAtStart = event == .chunkEnd
        if isAtStart { chunkCount += 1 }
        return needsSpace ? [.text([0x20]), event] : [event]
    }

    private static func replaceMark(_ mark: [UInt8], in text: [UInt8], with content: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index...].starts(with: mark) {
                result += content
                index += mark.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private mutating func replace(_ pattern: Pattern, _ content: [UInt8], _ event: Event) -> [Event] {
        // A single character matches or not by itself; anything longer may reach over two events.
        if let literal = pattern.literal, !literal.isEmpty, literal.span.scalarLength(at: 0) == literal.count {
            guard case .text(let text) = event else { return [event] }
            return [.text(Self.replaceMark(literal, in: text, with: content))]
        }
        if case .text(let text) = event {
            held += text
            return []
        }
        defer { held.removeAll(keepingCapacity: true) }
        guard !held.isEmpty else { return [event] }
        return [.text(pattern.replacingMatches(in: held.span, with: content).text), event]
    }

    private mutating func strip(_ content: [UInt8], _ start: Int, _ stop: Int, _ event: Event) -> [Event] {
        guard case .text(let text) = event else {
            // What is still held are at most `stop` characters at the chunk's end.
            (strippedCount, isAtStart) = (0, true)
            held.removeAll(keepingCapacity: true)
            return [event]
        }
        var rest = text[...]
        while isAtStart, strippedCount < start, rest.starts(with: content) {
            rest = rest.dropFirst(content.count)
            strippedCount += 1
        }
        if !rest.isEmpty || strippedCount >= start { isAtStart = false }
        held += rest
        var trailing = 0
        while trailing < stop, held.dropLast(trailing * content.count).hasSuffix(content) { trailing += 1 }
        let certain = held.count - trailing * content.count
        defer { held.removeFirst(certain) }
        return [.text(Array(held[..<certain]))]
    }
}

extension ArraySlice<UInt8> {
    fileprivate func hasSuffix(_ suffix: [UInt8]) -> Bool { self.suffix(suffix.count).elementsEqual(suffix) }
}
