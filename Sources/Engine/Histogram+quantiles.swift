extension Histogram {
    /// The observations made since an earlier copy of the same histogram.
    package func since(_ earlier: Histogram) -> Histogram {
        precondition(bounds == earlier.bounds, "histograms of different bounds")
        var difference = self
        for bucket in counts.indices {
            precondition(counts[bucket] >= earlier.counts[bucket], "a histogram that lost observations")
            difference.counts[bucket] -= earlier.counts[bucket]
        }
        difference.sum -= earlier.sum
        return difference
    }

    /// The value below which a share of all observations lies, taking those of a bucket as spread evenly over it.
    ///
    /// - Parameter share: 0 … 1.
    /// - Returns: at most the last bound, since nothing is known of what lies above; nil without observations.
    package func quantile(_ share: Double) -> Double? {
        let total = count
        guard total > 0, let last = bounds.last else { return nil }
        let wanted = Double(total) * share
        var seen = 0.0
        for (bucket, bound) in bounds.enumerated() where counts[bucket] > 0 {
            let count = Double(counts[bucket])
            if seen + count >= wanted {
                let low = bucket == 0 ? 0 : bounds[bucket - 1]
                // Rounding may carry the interpolation an ulp past the bucket that it ends.
                return min(bound, low + (bound - low) * max(0, wanted - seen) / count)
            }
            seen += count
        }
        return last
    }
}
