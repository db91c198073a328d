import Adapters
import Core
import JSON

extension AdapterDescription {
    /// What admin routes show.
    var json: JSONValue {
        [
            "name": .string(name),
            "digest": .string(digest.hex),
            "path": .string(directory),
            "bytes": .integer(byteCount),
            "tier": .string(tier.rawValue),
            "pinned": .bool(isPinned),
            "leases": .integer(leases),
            "hits": .integer(hits),
            "loads": .integer(loads),
            "evictions": .integer(evictions),
            "rank": .integer(rank),
            "targets": .array(targetModules.map { .string($0) }),
            "last_load_seconds": .number(loadSeconds),
        ]
    }

    var loadSeconds: Double {
        Double(lastLoadDuration.components.seconds) + Double(lastLoadDuration.components.attoseconds) * 1e-18
    }
}
