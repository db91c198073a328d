/// What runs a short command to its end: the one way in which pools use programs of others.
package protocol CommandRunner: Sendable {
    /// - Parameters:
    ///   - command: the program, looked for where commands are, and its arguments.
    ///   - input: what it reads.
    /// - Returns: what it wrote to its standard output; any status but 0 is thrown with what it wrote to standard error.
    func run(_ command: [String], input: String) async throws(PoolError) -> String
}
