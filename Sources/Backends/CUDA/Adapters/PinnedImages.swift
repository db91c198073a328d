internal import CUDA
internal import Core
internal import Dispatch

/// Adapters in pinned host memory, laid out as they will lie on the device: the tier between disk and device.
///
/// Belongs to the copier's thread. Memory is taken from the system in slabs as it is needed, up to the budget, and kept.
/// When the budget is spent, the image unused longest goes.
struct PinnedImages {
    private struct Image {
        let slab: Int
        let range: Range<Int>
        var lastUse: Int
    }

    private struct Slab {
        let memory: PinnedBuffer
        var ranges: RangeAllocator
    }

    private let context: Context
    private let budget: Int
    private let type: ScalarType
    private var slabs: [Slab] = []
    private var images: [AdapterDigest: Image] = [:]
    private var uses = 0

    private static var slabBytes: Int { 512 << 20 }

    /// - Parameters:
    ///   - budget: bytes of pinned memory.
    ///   - type: what weights are stored as on the device.
    init(context: Context, budget: Int, type: ScalarType) {
        self.context = context
        self.budget = budget
        self.type = type
    }

    /// The bytes of an adapter's image, made if it is not there.
    ///
    /// - Returns: valid until the next call.
    mutating func image(of adapter: AdapterWeights, _ layout: AdapterLayout) throws(CUDAError) -> UnsafeRawBufferPointer
    {
        uses += 1
        if let image = images[adapter.digest] {
            images[adapter.digest]?.lastUse = uses
            return UnsafeRawBufferPointer(bytes(image.slab, image.range))
        }
        let (slab, range) = try room(layout.byteCount)
        images[adapter.digest] = Image(slab: slab, range: range, lastUse: uses)
        let bytes = bytes(slab, range)
        adapter.write(layout, as: type, to: bytes)
        return UnsafeRawBufferPointer(bytes)
    }

    private func bytes(_ slab: Int, _ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: slabs[slab].memory.bytes[range])
    }

    private mutating func room(_ byteCount: Int) throws(CUDAError) -> (slab: Int, range: Range<Int>) {
        let length = (byteCount + AdapterLayout.alignment - 1) / AdapterLayout.alignment * AdapterLayout.alignment
        while true {
            for slab in slabs.indices {
                if let range = slabs[slab].ranges.take(length) { return (slab, range) }
            }
            let spent = slabs.reduce(0) { $0 + $1.ranges.count }
            // An image larger than the budget still needs a place to be copied from.
            if images.isEmpty || spent + max(Self.slabBytes, length) <= budget {
                let size = max(min(Self.slabBytes, budget), length)
                slabs.append(Slab(memory: try PinnedBuffer(context, byteCount: size), ranges: .init(count: size)))
            } else {
                evictOldest()
            }
        }
    }

    private mutating func evictOldest() {
        guard let (digest, image) = images.min(by: { $0.value.lastUse < $1.value.lastUse }) else {
            preconditionFailure("no image to evict")
        }
        slabs[image.slab].ranges.give(back: image.range)
        images[digest] = nil
    }
}

extension AdapterWeights {
    /// Fills an image; gaps between matrices keep what was there.
    fileprivate func write(_ layout: AdapterLayout, as type: ScalarType, to bytes: UnsafeMutableRawBufferPointer) {
        // Sound: the iterations write disjoint ranges of memory that outlives them.
        nonisolated(unsafe) let bytes = bytes
        DispatchQueue.concurrentPerform(iterations: rowCount) { row in
            guard let pair = pair(row: row), let entry = layout.entries[row] else { return }
            pair.a.write(as: type, to: UnsafeMutableRawBufferPointer(rebasing: bytes[entry.a...]))
            pair.b.write(as: type, to: UnsafeMutableRawBufferPointer(rebasing: bytes[entry.b...]))
            guard let scales = pair.columnScale, let start = entry.columnScale else { return }
            scales.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[start...]).copyMemory(from: $0) }
        }
    }
}
