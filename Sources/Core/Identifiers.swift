/// A 32-bit number that means one thing; wrapped so that the compiler catches swapped arguments.
package protocol Identifier: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
where RawValue: FixedWidthInteger & Sendable {
    init(_ rawValue: RawValue)
}

extension Identifier {
    package init(rawValue: RawValue) { self.init(rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "\(rawValue)" }
}

/// An entry of a model's vocabulary, `0 ..< vocabularySize`.
package struct TokenID: Identifier {
    package let rawValue: Int32
    @inlinable package init(_ rawValue: Int32) { self.rawValue = rawValue }
}

/// One block of the KV cache, `0 ..< blockCount`.
package struct BlockID: Identifier {
    package let rawValue: Int32
    @inlinable package init(_ rawValue: Int32) { self.rawValue = rawValue }
}

/// Where an adapter lives on a device, `0 ..< slotCount`.
package struct AdapterSlot: Identifier {
    package let rawValue: Int32
    @inlinable package init(_ rawValue: Int32) { self.rawValue = rawValue }
}

/// A request, unique within the process that accepted it.
package struct RequestID: Identifier {
    package let rawValue: UInt64
    @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
