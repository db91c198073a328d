/// Tokens as bytes, by id and back.
///
/// Open addressing over one arena: no string is hashed or compared by Unicode equivalence, and a table of
/// 128,000 tokens is three arrays.
struct Vocabulary: Sendable {
    /// Ids beyond this would make tables by id too large; the largest known vocabulary has 262,144 entries.
    static let idLimit = 1 << 22

    private var arena: [UInt8] = []
    /// Where the bytes of an id start and how many there are; length -1 where no token has the id.
    private var starts: [Int32] = []
    private var lengths: [Int32] = []
    /// Ids at their hash, -1 where free; a power of two of them, at most half full.
    private var slots: [Int32] = Array(repeating: -1, count: 1024)
    private(set) var count = 0

    /// One above the highest id.
    var idBound: Int { starts.count }

    /// Adds a token.
    ///
    /// - Precondition: `id` is in `0..<idLimit`.
    mutating func insert(_ token: [UInt8], id: Int) throws(TokenizationError) {
        let slot = token.withUnsafeBufferPointer { find($0) }
        guard slots[slot] < 0 else { throw .duplicateToken(String(decoding: token, as: UTF8.self)) }
        if let first = bytes(of: id) {
            let names = [Array(first), token].map { String(decoding: $0, as: UTF8.self) }
            throw .duplicateID(id: id, first: names[0], second: names[1])
        }
        if id >= starts.count {
            let missing = id + 1 - starts.count
            starts.append(contentsOf: repeatElement(0, count: missing))
            lengths.append(contentsOf: repeatElement(-1, count: missing))
        }
        starts[id] = Int32(arena.count)
        lengths[id] = Int32(token.count)
        arena += token
        slots[slot] = Int32(id)
        count += 1
        if count * 2 > slots.count { grow() }
    }

    /// The bytes of a token; nil where no token has the id.
    func bytes(of id: Int) -> ArraySlice<UInt8>? {
        guard starts.indices.contains(id), lengths[id] >= 0 else { return nil }
        return arena[Int(starts[id])..<Int(starts[id] + lengths[id])]
    }

    func id(of token: some Collection<UInt8>) -> Int? {
        let found = token.withContiguousStorageIfAvailable { slots[find($0)] }
        let id = found ?? Array(token).withUnsafeBufferPointer { slots[find($0)] }
        return id < 0 ? nil : Int(id)
    }

    /// The slot that holds a token, or the free one where it belongs.
    private func find(_ token: UnsafeBufferPointer<UInt8>) -> Int {
        var slot = Self.hash(token) & (slots.count - 1)
        while slots[slot] >= 0, !holds(Int(slots[slot]), token) { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private func holds(_ id: Int, _ token: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(lengths[id]) == token.count else { return false }
        let start = Int(starts[id])
        for offset in 0..<token.count where arena[start + offset] != token[offset] { return false }
        return true
    }

    private mutating func grow() {
        slots = Array(repeating: -1, count: slots.count * 2)
        for id in starts.indices where lengths[id] >= 0 {
            let slot = arena.withUnsafeBufferPointer { arena in
                find(UnsafeBufferPointer(rebasing: arena[Int(starts[id])..<Int(starts[id] + lengths[id])]))
            }
            slots[slot] = Int32(id)
        }
    }

    /// FNV-1a with a final mix, because the table uses the low bits.
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ hash >> 32) & UInt64(Int.max))
    }
}
