internal import Cluster
internal import Core

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads fields of messages that anybody may have sent.
enum WireField {
    /// Tokens of a sequence: far above any model's context, far below what could overflow a sum.
    static let tokenCount = 0...(1 << 28)
    static let byteCount = 0...(1 << 46)

    static func number(
        _ value: some BinaryInteger,
        _ field: String,
        _ bound: ClosedRange<Int>
    ) throws(ProtocolError) -> Int {
        guard let number = Int(exactly: value), bound.contains(number) else {
            throw .outOfRange(field: field, bound: "\(bound.lowerBound) ... \(bound.upperBound)", value: "\(value)")
        }
        return number
    }

    static func number(
        _ value: Float,
        _ field: String,
        _ bound: ClosedRange<Float>
    ) throws(ProtocolError) -> Float {
        guard bound.contains(value) else {
            throw .outOfRange(field: field, bound: "\(bound.lowerBound) ... \(bound.upperBound)", value: "\(value)")
        }
        return value
    }

    static func text(_ value: String, _ field: String, _ bound: ClosedRange<Int>) throws(ProtocolError) -> String {
        guard bound.contains(value.utf8.count) else {
            let bound = "\(bound.lowerBound) ... \(bound.upperBound) bytes"
            throw .outOfRange(field: field, bound: bound, value: "\(value.utf8.count) bytes")
        }
        return value
    }

    static func runner(_ bytes: Data, _ field: String) throws(ProtocolError) -> RunnerID {
        guard bytes.count == 16 else {
            throw .outOfRange(field: field, bound: "16 bytes", value: "\(bytes.count) bytes")
        }
        return RunnerID(bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    /// Empty means none.
    static func optionalRunner(_ bytes: Data, _ field: String) throws(ProtocolError) -> RunnerID? {
        bytes.isEmpty ? nil : try runner(bytes, field)
    }

    static func digest(_ bytes: Data, _ field: String) throws(ProtocolError) -> AdapterDigest {
        guard bytes.count == 32 else {
            throw .outOfRange(field: field, bound: "32 bytes", value: "\(bytes.count) bytes")
        }
        return AdapterDigest(bytes: bytes)
    }

    /// Empty means the base.
    static func optionalDigest(_ bytes: Data, _ field: String) throws(ProtocolError) -> AdapterDigest? {
        bytes.isEmpty ? nil : try digest(bytes, field)
    }

    static func list<Element, T>(
        _ elements: [Element],
        _ field: String,
        limit: Int,
        _ read: (Element) throws(ProtocolError) -> T
    ) throws(ProtocolError) -> [T] {
        guard elements.count <= limit else {
            throw .outOfRange(field: field, bound: "at most \(limit) elements", value: "\(elements.count)")
        }
        var list: [T] = []
        list.reserveCapacity(elements.count)
        for element in elements { list.append(try read(element)) }
        return list
    }
}

extension RunnerID {
    /// 16 bytes, the most significant first.
    var wire: Data { Data((0..<16).map { UInt8(truncatingIfNeeded: rawValue >> (120 - 8 * UInt128($0))) }) }
}

extension AdapterDigest {
    /// 32 bytes.
    var wire: Data { Data(bytes) }
}
