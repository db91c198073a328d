/// What one rendering may use.
///
/// Templates come with a model and messages from tenants; neither may stop the server.
package struct RenderLimits: Sendable, Equatable {
    /// Units of work: evaluated nodes, loop rounds, and one for every `scalarsPerStep` code points or elements made.
    package var steps: Int
    /// UTF-8 bytes of the rendered text, and of any text captured or joined on the way.
    package var outputBytes: Int
    /// Nested evaluations: expressions, statements and macro calls together.
    ///
    /// Bounds the use of the thread's stack.
    package var depth: Int

    /// Copying this many code points costs about as much as evaluating one node.
    static let scalarsPerStep = 32

    /// The standard limits render a million characters of messages in every template we know, within seconds.
    package init(steps: Int = 4_000_000, outputBytes: Int = 16 << 20, depth: Int = 200) {
        self.steps = steps
        self.outputBytes = outputBytes
        self.depth = depth
    }
}
