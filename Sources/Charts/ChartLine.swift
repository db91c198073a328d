/// A line of a chart.
package struct ChartLine: Sendable {
    package let name: String
    /// A CSS colour.
    package let color: String
    package let points: [(x: Double, y: Double)]
    /// Whether it is what another line of the same colour cannot pass: dashed, and not in the legend.
    package let isBound: Bool
    /// Whether each point has a dot, where they are few.
    package let hasDots: Bool

    package init(
        name: String,
        color: String,
        points: [(x: Double, y: Double)],
        isBound: Bool = false,
        hasDots: Bool = false
    ) {
        self.name = name
        self.color = color
        self.points = points
        self.isBound = isBound
        self.hasDots = hasDots
    }
}

/// A bar of a chart.
package struct ChartBar: Sendable {
    package let name: String
    package let value: Double
    /// What the value cannot pass, in its unit: a mark across the bar.
    package let bound: Double?

    package init(name: String, value: Double, bound: Double? = nil) {
        self.name = name
        self.value = value
        self.bound = bound
    }
}
