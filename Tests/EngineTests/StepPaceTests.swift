import Scheduling
import Testing

@testable import Engine

@Suite struct StepPaces {
    private let zero = ContinuousClock.now

    private func flight(rows: Int, isDecode: Bool = true, at milliseconds: Int) -> Flights.Flight {
        var flight = Flights.Flight()
        (flight.rowCount, flight.isDecode, flight.begin) = (rows, isDecode, zero + .milliseconds(milliseconds))
        return flight
    }

    @Test func `before anything is known of steps the next is planned at once`() {
        let pace = StepPace()
        #expect(pace.planningTime(for: flight(rows: 8, at: 3)) <= zero + .milliseconds(3))
    }

    @Test func `planning begins shortly before the step is expected to end`() {
        var pace = StepPace()
        pace.noteEnd(of: flight(rows: 8, at: 0), at: zero + .milliseconds(10), isExact: true)
        // Begun ahead at 2, it runs from 10 on.
        #expect(pace.planningTime(for: flight(rows: 8, at: 2)) == zero + .milliseconds(20) - pace.lead)
        #expect(pace.planningTime(for: flight(rows: 9, at: 12)) == zero + .milliseconds(22) - pace.lead)
    }

    @Test func `fewer rows are expected to take less, and prefills as long as prefills`() {
        var pace = StepPace()
        pace.noteEnd(of: flight(rows: 8, at: 0), at: zero + .milliseconds(8), isExact: true)
        pace.noteEnd(of: flight(rows: 500, isDecode: false, at: 0), at: zero + .milliseconds(48), isExact: true)
        #expect(pace.planningTime(for: flight(rows: 2, at: 0)) == zero + .milliseconds(50) - pace.lead)
        let prefill = flight(rows: 250, isDecode: false, at: 0)
        #expect(pace.planningTime(for: prefill) == zero + .milliseconds(68) - pace.lead)
    }

    @Test func `the lead grows where steps come too late, shrinks where they do not, and has bounds`() {
        var pace = StepPace()
        pace.noteBegin(isLate: true)
        #expect(pace.lead == .milliseconds(1), "it was not planned late on purpose")
        pace.noteWait(true)
        for _ in 0..<10 { pace.noteBegin(isLate: true) }
        #expect(pace.lead == .milliseconds(3))
        for _ in 0..<64 { pace.noteBegin(isLate: false) }
        #expect(pace.lead > .milliseconds(1) && pace.lead < .microseconds(1200))
        for _ in 0..<1000 { pace.noteBegin(isLate: false) }
        #expect(pace.lead == .microseconds(300))
    }

    @Test func `a step that had ended before the host looked took no longer than it seems`() {
        var pace = StepPace()
        pace.noteEnd(of: flight(rows: 8, at: 0), at: zero + .milliseconds(10), isExact: true)
        pace.noteEnd(of: flight(rows: 8, at: 1), at: zero + .milliseconds(50), isExact: false)
        #expect(pace.planningTime(for: flight(rows: 8, at: 2)) == zero + .milliseconds(60) - pace.lead)
        pace.noteEnd(of: flight(rows: 8, at: 2), at: zero + .milliseconds(54), isExact: false)
        #expect(pace.planningTime(for: flight(rows: 8, at: 3)) == zero + .milliseconds(58) - pace.lead)
    }

    @Test func `one step that took long leaves the next ones no longer than they are`() {
        var (pace, end, late) = (StepPace(), zero, 0)
        for number in 0..<500 {
            var step = flight(rows: 8, at: 0)
            step.begin = end
            let truth = end + .milliseconds(number == 50 ? 9 : 4)
            // The host plans when told to, or sees the step end.
            let planning = pace.planningTime(for: step)
            pace.noteWait(true)
            pace.noteBegin(isLate: planning > truth)
            late += planning > truth ? 1 : 0
            end = max(truth, planning > truth ? truth + .microseconds(100) : truth)
            pace.noteEnd(of: step, at: end, isExact: planning <= truth)
        }
        #expect(late < 5, "\(late) of 500 steps came late")
    }
}
