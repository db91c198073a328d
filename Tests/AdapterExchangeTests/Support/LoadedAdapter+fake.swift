import Core

@testable import Adapters

extension LoadedAdapter {
    /// An adapter that only has an identity and a size.
    static func fake(_ digest: AdapterDigest, byteCount: Int) -> LoadedAdapter {
        LoadedAdapter(
            digest: digest,
            projections: [],
            byteCount: byteCount,
            summary: AdapterSummary(applied: [.init(kind: "q_proj", ranks: 2...2, count: 1)])
        )
    }
}
