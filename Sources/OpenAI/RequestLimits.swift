/// The bounds on what one request may ask for; they keep one client from taking a server's memory.
package enum RequestLimits {
    package static let choices = 1...16
    /// Prompts of one completion request times choices of each.
    package static let sequences = 128
    package static let messages = 4096
    package static let logitBiases = 1024
    package static let stops = 16
    package static let stopBytes = 1024
    package static let stopTokenIDs = 128
    package static let alternatives = 0...20
    package static let tools = 128
}
