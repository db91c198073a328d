/// Runners that take requests, in the paper's order, to be found by the room they have.
///
/// A treap over (working set, id) in which every node knows the most free tokens of its subtree: all operations take
/// O(log n). Priorities are a fixed mix of the slot's number, so that the same calls give the same tree.
struct PlacementIndex: Sendable {
    /// Where a runner stands in the order; the largest comes first.
    struct Key: Comparable, Sendable {
        let workingSet: Int
        let id: RunnerID

        @inline(__always)
        static func < (left: Self, right: Self) -> Bool {
            left.workingSet != right.workingSet ? left.workingSet < right.workingSet : left.id < right.id
        }
    }

    private struct Node: Sendable {
        var key: Key
        var freeTokens: Int
        /// The most of this subtree.
        var mostFreeTokens: Int
        var left = RunnerSlot.none
        var right = RunnerSlot.none
        var isPresent = false
    }

    private var nodes: [Node] = []
    private var root = RunnerSlot.none
    private(set) var count = 0

    func contains(_ slot: RunnerSlot) -> Bool { slot.offset < nodes.count && nodes[slot.offset].isPresent }

    /// The runner's place; only for one that is contained.
    func key(of slot: RunnerSlot) -> Key { nodes[slot.offset].key }

    /// Adds a runner or gives it another place.
    mutating func set(_ slot: RunnerSlot, key: Key, freeTokens: Int) {
        if contains(slot) {
            if nodes[slot.offset].key == key {
                guard nodes[slot.offset].freeTokens != freeTokens else { return }
                nodes[slot.offset].freeTokens = freeTokens
                refresh(pathTo: key, from: root)
                return
            }
            remove(slot)
        }
        while nodes.count <= slot.offset {
            nodes.append(Node(key: key, freeTokens: 0, mostFreeTokens: 0))
        }
        nodes[slot.offset] = Node(key: key, freeTokens: freeTokens, mostFreeTokens: freeTokens, isPresent: true)
        root = insert(slot, into: root)
        count += 1
    }

    /// Takes a runner out, if it is in.
    mutating func remove(_ slot: RunnerSlot) {
        guard contains(slot) else { return }
        root = remove(nodes[slot.offset].key, from: root)
        nodes[slot.offset].isPresent = false
        count -= 1
    }

    /// The first runner in the paper's order that comes after `bound` and has at least so many free tokens.
    func first(after bound: Key?, freeTokens: Int) -> RunnerSlot? {
        let found = largest(in: root, below: bound, freeTokens: freeTokens)
        return found == .none ? nil : found
    }

    /// The last runner in the paper's order that comes before `bound`.
    func last(before bound: Key) -> RunnerSlot? {
        var (slot, found) = (root, RunnerSlot.none)
        while slot != .none {
            let node = nodes[slot.offset]
            if bound < node.key {
                found = slot
                slot = node.left
            } else {
                slot = node.right
            }
        }
        return found == .none ? nil : found
    }

    private func largest(in slot: RunnerSlot, below bound: Key?, freeTokens: Int) -> RunnerSlot {
        guard slot != .none, nodes[slot.offset].mostFreeTokens >= freeTokens else { return .none }
        let node = nodes[slot.offset]
        if let bound, node.key >= bound { return largest(in: node.left, below: bound, freeTokens: freeTokens) }
        let right = largest(in: node.right, below: bound, freeTokens: freeTokens)
        if right != .none { return right }
        return node.freeTokens >= freeTokens ? slot : largest(in: node.left, below: nil, freeTokens: freeTokens)
    }

    // MARK: The tree

    private mutating func insert(_ slot: RunnerSlot, into tree: RunnerSlot) -> RunnerSlot {
        guard tree != .none else { return slot }
        if slot.priority > tree.priority {
            let (left, right) = split(tree, at: nodes[slot.offset].key)
            nodes[slot.offset].left = left
            nodes[slot.offset].right = right
            refresh(slot)
            return slot
        }
        if nodes[slot.offset].key < nodes[tree.offset].key {
            nodes[tree.offset].left = insert(slot, into: nodes[tree.offset].left)
        } else {
            nodes[tree.offset].right = insert(slot, into: nodes[tree.offset].right)
        }
        refresh(tree)
        return tree
    }

    private mutating func remove(_ key: Key, from tree: RunnerSlot) -> RunnerSlot {
        precondition(tree != .none, "the runner is in the tree")
        if nodes[tree.offset].key == key { return merge(nodes[tree.offset].left, nodes[tree.offset].right) }
        if key < nodes[tree.offset].key {
            nodes[tree.offset].left = remove(key, from: nodes[tree.offset].left)
        } else {
            nodes[tree.offset].right = remove(key, from: nodes[tree.offset].right)
        }
        refresh(tree)
        return tree
    }

    /// Two trees, of the keys below and of those from `key` on.
    private mutating func split(_ tree: RunnerSlot, at key: Key) -> (RunnerSlot, RunnerSlot) {
        guard tree != .none else { return (.none, .none) }
        if nodes[tree.offset].key < key {
            let (left, right) = split(nodes[tree.offset].right, at: key)
            nodes[tree.offset].right = left
            refresh(tree)
            return (tree, right)
        }
        let (left, right) = split(nodes[tree.offset].left, at: key)
        nodes[tree.offset].left = right
        refresh(tree)
        return (left, tree)
    }

    private mutating func merge(_ left: RunnerSlot, _ right: RunnerSlot) -> RunnerSlot {
        guard left != .none else { return right }
        guard right != .none else { return left }
        if left.priority > right.priority {
            nodes[left.offset].right = merge(nodes[left.offset].right, right)
            refresh(left)
            return left
        }
        nodes[right.offset].left = merge(left, nodes[right.offset].left)
        refresh(right)
        return right
    }

    private mutating func refresh(pathTo key: Key, from tree: RunnerSlot) {
        let node = nodes[tree.offset]
        if key < node.key {
            refresh(pathTo: key, from: node.left)
        } else if node.key < key {
            refresh(pathTo: key, from: node.right)
        }
        refresh(tree)
    }

    private mutating func refresh(_ slot: RunnerSlot) {
        nodes[slot.offset].mostFreeTokens = mostFreeTokens(under: slot)
    }

    /// The most free tokens of a subtree, by those of its children.
    private func mostFreeTokens(under slot: RunnerSlot) -> Int {
        let node = nodes[slot.offset]
        var most = node.freeTokens
        if node.left != .none { most = max(most, nodes[node.left.offset].mostFreeTokens) }
        if node.right != .none { most = max(most, nodes[node.right.offset].mostFreeTokens) }
        return most
    }

    /// Traps where the tree is not in order, not a heap of priorities, or wrong about free tokens.
    func checkInvariants() {
        var keys: [Key] = []
        check(root, into: &keys)
        precondition(keys.count == count && zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }, "the keys are in order")
        precondition(nodes.count(where: \.isPresent) == count, "every present node is in the tree")
    }

    private func check(_ slot: RunnerSlot, into keys: inout [Key]) {
        guard slot != .none else { return }
        let node = nodes[slot.offset]
        precondition(node.isPresent, "\(node.key.id) is in the tree")
        check(node.left, into: &keys)
        keys.append(node.key)
        check(node.right, into: &keys)
        precondition(mostFreeTokens(under: slot) == node.mostFreeTokens, "the most free tokens of a subtree")
        for child in [node.left, node.right] where child != .none {
            precondition(child.priority <= slot.priority, "the priorities are a heap")
        }
    }
}

/// Where a runner's state lies in the scheduler.
struct RunnerSlot: Hashable, Sendable {
    let rawValue: Int32

    static let none = RunnerSlot(rawValue: -1)

    var offset: Int { Int(rawValue) }

    /// Looks random, and differs for different slots: both factors are odd.
    @inline(__always)
    var priority: UInt32 {
        var mixed = UInt32(bitPattern: rawValue) &* 0x9E37_79B1
        mixed ^= mixed >> 15
        return mixed &* 0x85EB_CA77
    }
}
