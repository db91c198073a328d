package import Core

/// Where an adapter's bytes are.
package enum AdapterTier: String, Sendable {
    /// In host memory, ready for a device.
    case host
    /// Registered; read from its directory when a request leases it.
    case disk
}

/// What the store knows about one name.
package struct AdapterDescription: Sendable, Equatable {
    package let name: String
    package let digest: AdapterDigest
    /// The directory that it was registered from, links resolved.
    package let directory: String
    package let summary: AdapterSummary
    /// Host memory that it takes when resident.
    package let byteCount: Int
    package let tier: AdapterTier
    package let isPinned: Bool
    /// Leases now held on the content, under any of its names.
    package let leases: Int
    /// Leases that found the content resident.
    package let hits: Int
    /// Times that the content was read.
    package let loads: Int
    package let evictions: Int
    package let lastLoadDuration: Duration

    package var rank: Int { summary.maxRank }
    package var targetModules: [String] { summary.targetModules }
}

/// Counters of a store since it was made, and what it holds now.
package struct AdapterStoreStatistics: Sendable, Equatable {
    /// Leases that found their adapter resident.
    package var hits = 0
    /// The same by the name that was leased.
    package var hitsByName = NamedCounts()
    /// Leases that had to wait for a load or failed.
    package var misses = 0
    /// Successful reads, those of `register` included.
    package var loads = 0
    package var failedLoads = 0
    package var evictions = 0
    /// The time that successful loads took, summed.
    package var loadSeconds: Double = 0
    package var residentBytes = 0
    /// Bytes set aside for loads under way.
    package var reservedBytes = 0
    package var budgetBytes = 0
    package var nameCount = 0
    package var residentCount = 0
    package var leaseCount = 0
}

/// What `register` does when the name is taken.
package enum AdapterReplacement: Sendable, Equatable {
    /// Fails if the name is taken.
    case ifAbsent
    /// Takes the name; running leases keep what they hold.
    case always
    /// Replaces exactly this content: fails if the name holds anything else or nothing.
    case expecting(AdapterDigest)
}
