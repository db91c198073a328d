import Core

@testable import Paging

/// A path that a block's keys and values depend on: the adapter and all tokens up to the block's end.
struct Path: Hashable {
    let digest: AdapterDigest?
    let tokens: [TokenID]

    func isAtOrBelow(_ other: Path) -> Bool {
        digest == other.digest && tokens.starts(with: other.tokens)
    }
}

/// The slow truth that `KVCache` is compared with: a dictionary of whole paths and lists that are searched.
///
/// It does not choose among free blocks; it is told which was taken and says whether that was allowed.
struct NaiveCache {
    struct Entry: Equatable {
        let block: BlockID
        let serial: Int
    }

    let blockSize: Int
    private(set) var entries: [Path: Entry] = [:]
    private(set) var line: [BlockID] = []
    private(set) var holders: [BlockID: Int] = [:]
    private(set) var free: Set<BlockID>
    private(set) var evictions = 0
    private var serial = 0

    init(blockCount: Int, blockSize: Int) {
        self.blockSize = blockSize
        free = Set((0..<blockCount).map { BlockID(Int32($0)) })
    }

    func path(_ digest: AdapterDigest?, _ tokens: [TokenID], blocks: Int) -> Path {
        Path(digest: digest, tokens: Array(tokens.prefix(blocks * blockSize)))
    }

    func path(of block: BlockID) -> Path? { entries.first { $0.value.block == block }?.key }

    func isCurrent(_ path: Path, _ entry: Entry) -> Bool { entries[path] == entry }

    mutating func start(_ digest: AdapterDigest?, _ tokens: [TokenID]) -> [BlockID] {
        var found: [BlockID] = []
        while (found.count + 1) * blockSize < tokens.count,
            let entry = entries[path(digest, tokens, blocks: found.count + 1)]
        {
            found.append(entry.block)
        }
        for block in found {
            line.removeAll { $0 == block }
            holders[block, default: 0] += 1
        }
        return found
    }

    /// Whether `count` blocks can be had.
    func canTake(_ count: Int) -> Bool { count <= free.count + line.count }

    /// Makes room for one block and takes `block`; false if that one could not be taken.
    mutating func take(_ block: BlockID) -> Bool {
        if free.isEmpty, let oldest = line.first, let top = path(of: oldest) {
            evictions += forget { $0.isAtOrBelow(top) }
        }
        holders[block] = 1
        return free.remove(block) != nil
    }

    /// Forgets what is in a block that is lent and given back; false if it was in use.
    mutating func lend(_ block: BlockID) -> Bool {
        if line.contains(block), let top = path(of: block) { evictions += forget { $0.isAtOrBelow(top) } }
        return free.contains(block)
    }

    /// Forgets the paths chosen; returns how many cached blocks became free by it.
    mutating func forget(where isChosen: (Path) -> Bool) -> Int {
        var freed = 0
        for (path, entry) in entries where isChosen(path) {
            entries[path] = nil
            guard line.contains(entry.block) else { continue }
            line.removeAll { $0 == entry.block }
            free.insert(entry.block)
            freed += 1
        }
        return freed
    }

    /// The entry of a path, which is made with `block` if there is none.
    mutating func settle(_ path: Path, _ block: BlockID) -> Entry {
        if let entry = entries[path] { return entry }
        serial += 1
        let entry = Entry(block: block, serial: serial)
        entries[path] = entry
        return entry
    }

    mutating func release(_ block: BlockID) {
        holders[block, default: 0] -= 1
        guard holders[block] == 0 else { return }
        holders[block] = nil
        if path(of: block) != nil { line.append(block) } else { free.insert(block) }
    }

    mutating func touch(_ path: Path) {
        guard let block = entries[path]?.block, line.contains(block) else { return }
        line.removeAll { $0 == block }
        line.append(block)
    }
}
