internal import Core

/// Where the matrices of one adapter lie in the blocks that it borrows from the KV cache.
///
/// An *image* is the adapter's bytes block after block, as they are copied. A matrix never straddles two blocks, so the
/// blocks need not follow each other; only an adapter with a matrix larger than a block needs them in a row.
package struct AdapterLayout: Equatable, Sendable {
    /// One update's place, in bytes from the image's start.
    package struct Entry: Equatable, Sendable {
        package let a: Int
        package let b: Int
        /// nil but for DoRA.
        package let columnScale: Int?
    }

    /// `[layerCount · 7 + 2]`: projections, embedding, head; nil where the adapter changes nothing.
    package let entries: [Entry?]
    package let footprint: AdapterFootprint
    /// Bytes from the image's start to the end of its last matrix.
    package let byteCount: Int

    /// Every matrix begins at a multiple of this, for wide loads.
    static var alignment: Int { 256 }
    /// Bytes of a weight on the device: bfloat16 or float16.
    static var weightBytes: Int { 2 }

    package init(_ adapter: AdapterWeights, blockBytes: Int) {
        let sizes = adapter.pairs.flatMap { $0.map(Self.sizes) ?? [] }
        let straddles = (sizes.max() ?? 0) > blockBytes
        var cursor = Cursor(blockBytes: straddles ? .max : blockBytes)
        entries = adapter.pairs.map { pair in pair.map { cursor.place($0) } }
        byteCount = cursor.end
        footprint = AdapterFootprint(
            blocks: (cursor.end + blockBytes - 1) / blockBytes,
            mustBeContiguous: straddles
        )
    }

    fileprivate static func sizes(_ pair: LowRankPair) -> [Int] {
        [pair.a.elementCount * weightBytes, pair.b.elementCount * weightBytes]
            + (pair.columnScale.map { [$0.count * MemoryLayout<Float>.size] } ?? [])
    }
}

extension AdapterWeights {
    /// All updates in the order of the device's table.
    var pairs: [LowRankPair?] { projections + [embedding, head] }
}

private struct Cursor {
    let blockBytes: Int
    var end = 0

    mutating func place(_ pair: LowRankPair) -> AdapterLayout.Entry {
        let starts = AdapterLayout.sizes(pair).map { place($0) }
        return AdapterLayout.Entry(a: starts[0], b: starts[1], columnScale: starts.count > 2 ? starts[2] : nil)
    }

    private mutating func place(_ byteCount: Int) -> Int {
        var start = (end + AdapterLayout.alignment - 1) / AdapterLayout.alignment * AdapterLayout.alignment
        let left = blockBytes - start % blockBytes
        if left < byteCount { start += left }
        end = start + byteCount
        return start
    }
}
