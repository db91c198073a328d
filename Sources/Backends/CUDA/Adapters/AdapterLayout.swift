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
        var largest = 0
        adapter.forEachSizes { largest = max(largest, $0?.largest ?? 0) }
        let straddles = largest > blockBytes
        var cursor = Cursor(blockBytes: straddles ? .max : blockBytes)
        var entries: [Entry?] = []
        entries.reserveCapacity(adapter.rowCount)
        adapter.forEachSizes { sizes in entries.append(sizes.map { cursor.place($0) }) }
        self.entries = entries
        byteCount = cursor.end
        footprint = AdapterFootprint(
            blocks: (cursor.end + blockBytes - 1) / blockBytes,
            mustBeContiguous: straddles
        )
    }
}

/// What a step must know of an adapter.
struct AdapterTraits: Sendable, Equatable {
    /// The largest rank of an update; 1 without updates.
    let mostRank: Int
    /// Whether columns of projections are scaled, as by DoRA.
    let scalesColumns: Bool
}

extension AdapterWeights {
    /// Rows of the device's table for one adapter: projections, embedding, head.
    var rowCount: Int { projections.count + 2 }

    /// The update that a row of the device's table stands for.
    func pair(row: Int) -> LowRankPair? {
        if row < projections.count { return projections[row] }
        return row == projections.count ? embedding : head
    }

    var traits: AdapterTraits {
        AdapterTraits(
            mostRank: (0..<rowCount).reduce(1) { max($0, pair(row: $1)?.rank ?? 1) },
            scalesColumns: projections.contains { $0?.columnScale != nil }
        )
    }

    /// Visits each row's sizes, in the order of the device's table.
    ///
    /// The engine's thread asks for a layout at each request. Each number is fetched by a path of its own, since a copy
    /// of a pair would count its references up and down.
    fileprivate func forEachSizes(_ body: (PairSizes?) -> Void) {
        for row in projections.indices {
            body(
                PairSizes(
                    a: projections[row]?.a.bytesOnDevice,
                    b: projections[row]?.b.bytesOnDevice,
                    columnScales: projections[row]?.columnScale?.count
                )
            )
        }
        body(PairSizes(embedding))
        body(PairSizes(head))
    }
}

extension HostTensor {
    fileprivate var bytesOnDevice: Int { bytes.count / type.byteCount * AdapterLayout.weightBytes }
}

/// Bytes of one update's matrices on the device.
private struct PairSizes {
    let a: Int
    let b: Int
    let columnScale: Int?

    /// - Parameter columnScales: how many.
    /// - Returns: nil without matrices.
    init?(a: Int?, b: Int?, columnScales: Int?) {
        guard let a, let b else { return nil }
        self.a = a
        self.b = b
        columnScale = columnScales.map { $0 * MemoryLayout<Float>.size }
    }

    init?(_ pair: LowRankPair?) {
        self.init(a: pair?.a.bytesOnDevice, b: pair?.b.bytesOnDevice, columnScales: pair?.columnScale?.count)
    }

    var largest: Int { max(a, b, columnScale ?? 0) }
}

private struct Cursor {
    let blockBytes: Int
    var end = 0

    mutating func place(_ sizes: PairSizes) -> AdapterLayout.Entry {
        AdapterLayout.Entry(a: place(sizes.a), b: place(sizes.b), columnScale: sizes.columnScale.map { place($0) })
    }

    private mutating func place(_ byteCount: Int) -> Int {
        var start = (end + AdapterLayout.alignment - 1) / AdapterLayout.alignment * AdapterLayout.alignment
        let left = blockBytes - start % blockBytes
        if left < byteCount { start += left }
        end = start + byteCount
        return start
    }
}
