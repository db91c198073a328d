/// One complete answer of a request that is not streamed.
package struct Choice: Sendable, Equatable {
    package let index: Int
    package let text: String
    package let end: ChoiceEnd
    /// Nil if log probabilities were not asked for.
    package let reports: [TokenReport]?

    package init(index: Int, text: String, end: ChoiceEnd, reports: [TokenReport]? = nil) {
        self.index = index
        self.text = text
        self.end = end
        self.reports = reports
    }
}

/// A piece of one choice's answer in a stream.
package struct ChoiceDelta: Sendable, Equatable {
    package let index: Int
    package let text: String
    /// Set in the last piece of the choice only.
    package let end: ChoiceEnd?
    /// Nil if log probabilities were not asked for.
    package let reports: [TokenReport]?

    package init(index: Int, text: String, end: ChoiceEnd? = nil, reports: [TokenReport]? = nil) {
        self.index = index
        self.text = text
        self.end = end
        self.reports = reports
    }
}
