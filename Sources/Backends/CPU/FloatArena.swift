/// Memory that lives as long as its backend and is freed with it.
struct FloatArena: ~Copyable {
    private var allocations: [UnsafeMutablePointer<Float>] = []

    /// Zeroed room for `count` numbers, aligned to a cache line.
    mutating func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
        let pointer = bytes.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
        allocations.append(pointer)
        return pointer
    }

    deinit {
        for pointer in allocations { UnsafeMutableRawPointer(pointer).deallocate() }
    }
}
