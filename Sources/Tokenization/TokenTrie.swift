/// Finds the longest of many strings at a place in a text.
struct TokenTrie: Sendable {
    private struct Node {
        var edges: [(byte: UInt8, target: Int32)] = []
        var value: Int32 = -1
    }

    private var nodes = [Node()]
    /// Root's children by byte, -1 for none; most places in a text end the search here.
    private var roots = [Int32](repeating: -1, count: 256)

    var isEmpty: Bool { nodes.count == 1 }

    /// Adds a string that is not empty; of equal strings the first one stays.
    mutating func insert(_ key: [UInt8], value: Int32) {
        var node = 0
        for byte in key { node = child(of: node, byte) ?? addChild(to: node, byte) }
        if nodes[node].value < 0 { nodes[node].value = value }
    }

    /// The longest string that starts at `position`.
    func longestMatch(in text: Span<UInt8>, at position: Int) -> (value: Int32, end: Int)? {
        var node = Int(roots[Int(text[position])])
        var end = position + 1
        var best: (Int32, Int)?
        while node > 0 {
            if nodes[node].value >= 0 { best = (nodes[node].value, end) }
            guard end < text.count, let next = child(of: node, text[end]) else { break }
            node = next
            end += 1
        }
        return best
    }

    private func child(of node: Int, _ byte: UInt8) -> Int? {
        for edge in nodes[node].edges where edge.byte == byte { return Int(edge.target) }
        return nil
    }

    private mutating func addChild(to node: Int, _ byte: UInt8) -> Int {
        nodes.append(Node())
        let target = Int32(nodes.count - 1)
        nodes[node].edges.append((byte, target))
        if node == 0 { roots[Int(byte)] = target }
        return Int(target)
    }
}
