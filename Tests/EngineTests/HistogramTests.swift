import Engine
import TestSupport
import Testing

struct HistogramTests {
    @Test func `a quantile lies where a share of the observations lies below`() throws {
        var histogram = Histogram(bounds: [1, 2, 4])
        #expect(histogram.quantile(0.5) == nil)
        for _ in 0..<50 { histogram.observe(0.5) }
        for _ in 0..<50 { histogram.observe(3) }
        #expect(histogram.quantile(0) == 0)
        #expect(histogram.quantile(0.25) == 0.5)
        #expect(histogram.quantile(0.5) == 1)
        #expect(histogram.quantile(0.75) == 3)
        #expect(histogram.quantile(1) == 4)
    }

    @Test func `a share that ends with a bucket is its bound, whatever the interpolation rounds to`() {
        var histogram = Histogram(bounds: [0.1, 0.2])
        for value in [0.01, 0.05, 0.06, 0.15, 0.15, 0.15] { histogram.observe(value) }
        #expect(0.1 * 3 / 3 > 0.1)
        #expect(histogram.quantile(0.5) == 0.1)
    }

    @Test func `above the last bound nothing is known`() {
        var histogram = Histogram(bounds: [1, 2])
        for _ in 0..<9 { histogram.observe(100) }
        #expect(histogram.quantile(0.01) == 2)
        #expect(histogram.quantile(0.99) == 2)
    }

    @Test func `quantiles of any observations are in order and in their buckets`() throws {
        var random = SplitMix(seed: 14)
        for _ in 0..<200 {
            var histogram = Histogram(bounds: [0.1, 0.2, 0.4, 0.8])
            let values = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                Double.random(in: 0..<0.8, using: &random)
            }
            for value in values { histogram.observe(value) }
            let shares = [0.01, 0.5, 0.95, 0.99, 1]
            let quantiles = shares.compactMap { histogram.quantile($0) }
            #expect(quantiles == quantiles.sorted())
            #expect(quantiles.count == shares.count)
            for (share, quantile) in zip(shares, quantiles) {
                let exact = values.sorted()[max(0, Int((Double(values.count) * share).rounded(.up)) - 1)]
                let bound = try #require([0.1, 0.2, 0.4, 0.8].first { $0 >= exact })
                #expect(quantile <= bound && quantile >= (bound == 0.1 ? 0 : bound / 2), "\(share) of \(values)")
            }
        }
    }

    @Test func `what came since an earlier copy is a histogram`() {
        var histogram = Histogram(bounds: [1, 2])
        histogram.observe(0.5)
        let earlier = histogram
        histogram.observe(1.5)
        histogram.observe(9)
        let since = histogram.since(earlier)
        #expect(since.counts == [0, 1, 1])
        #expect(since.sum == 10.5)
        #expect(histogram.since(histogram).count == 0)
    }
}
