import Foundation

enum Experiment {
    static func number(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }
    static let rows = number("PX_ROWS", 16)
    static let ahead = number("PX_AHEAD", 65536)
    static let early = number("PX_EARLY", 1)
    static let apart = number("PX_APART", 1)
    static let fork = number("PX_FORK", 0)
    static let single = number("PX_SINGLE", 1)
}
