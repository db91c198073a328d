/// Python's stable sort.
enum Sorting {
    /// The places of `keys` in sorted order; equal keys keep their order, also when descending.
    static func order(of keys: [Value], descending: Bool, _ renderer: Renderer) throws(Fault) -> [Int] {
        let places = Array(keys.indices)
        let sorted = try merged(descending ? places.reversed() : places, keys, renderer)
        return descending ? sorted.reversed() : sorted
    }

    private static func merged(_ places: [Int], _ keys: [Value], _ renderer: Renderer) throws(Fault) -> [Int] {
        guard places.count > 1 else { return places }
        let middle = places.count / 2
        let left = try merged(Array(places[..<middle]), keys, renderer)
        let right = try merged(Array(places[middle...]), keys, renderer)
        for place in places { try renderer.charge(walking: keys[place]) }
        var result: [Int] = []
        result.reserveCapacity(places.count)
        var first = 0
        var second = 0
        while first < left.count, second < right.count {
            if try keys[right[second]].compare(.less, keys[left[first]]) {
                result.append(right[second])
                second += 1
            } else {
                result.append(left[first])
                first += 1
            }
        }
        return result + left[first...] + right[second...]
    }
}
