/// Bounds of a step, from which a backend sizes its memory once.
package struct BatchLimits: Sendable, Equatable {
    /// Most rows of a step.
    package var tokens: Int
    package var sequences: Int
    /// Most page table entries of a step.
    package var pages: Int

    package init(tokens: Int, sequences: Int, pages: Int) {
        self.tokens = tokens
        self.sequences = sequences
        self.pages = pages
    }
}
