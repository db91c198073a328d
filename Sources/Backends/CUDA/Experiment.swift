import Foundation
import CUDA

enum Experiment {
    static let gap = number("PX_GAP", 0)
    static func number(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }
    static let rows = number("PX_ROWS", 32)
    static let ldepth = number("PX_LDEPTH", 2)
    static let early = number("PX_EARLY", 1)
    static let apart = number("PX_APART", 1)
    static let single = number("PX_SINGLE", 1)
}

final class GapMeter {
    var events: (Event, Event)?
    var times: [Double] = []
    func start(_ context: Context, _ stream: CUDA.Stream) throws(CUDAError) {
        if let events {
            try events.1.synchronize()
            times.append(try Event.milliseconds(from: events.0, to: events.1))
            if times.count % 60 == 0 {
                let sorted = times.sorted()
                FileHandle.standardError.write(Data("gap meter: GPU median \(sorted[sorted.count / 2])\n".utf8))
                times = []
            }
        } else { events = (try Event(context, timing: true), try Event(context, timing: true)) }
        try events!.0.record(on: stream)
    }
    func end(_ stream: CUDA.Stream) throws(CUDAError) { try events?.1.record(on: stream) }
}
