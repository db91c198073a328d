package import ArgumentParser
internal import Backends
internal import CUDA
internal import Foundation

/// `doctor`: whether this machine is ready, and proof on it that every kernel is right.
package struct DoctorCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tell what this machine offers, and check every GPU operation against the processor's."
    )

    @Option(help: "Which GPU, counted from 0.") var gpu = 0
    @Flag(help: "Tell the error of every operation.") var verbose = false
    @Option(parsing: .upToNextOption, help: "Check only models whose names contain one of these. Default: all.")
    var only: [String] = []

    package init() {}

    package func run() throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        tell("processor", "\(threads) threads, \(ProcessInfo.processInfo.physicalMemory >> 30) GiB")
        do throws(CUDAError) {
            try MachineReport(ordinal: gpu).print()
        } catch {
            tell("GPU", "not usable: \(error)")
            tell("", "models run on the processor (--backend cpu)")
            throw ExitCode(1)
        }
        var wrong = 0
        for doctorCase in try chosenCases() where !check(doctorCase, threads: threads) { wrong += 1 }
        guard wrong == 0 else {
            tell("verdict", "\(wrong) cases are wrong: do not serve with --backend cuda on this machine")
            throw ExitCode(1)
        }
        tell("verdict", only.isEmpty ? "ready" : "right, as far as checked")
    }

    private func chosenCases() throws -> [DoctorCase] {
        let all = try DoctorCase.all()
        if only.isEmpty { return all }
        let chosen = all.filter { candidate in only.contains { candidate.name.contains($0) } }
        guard !chosen.isEmpty else {
            let names = all.map { "'\($0.name)'" }.joined(separator: ", ")
            throw ValidationError("--only \(only.joined(separator: " ")) names no model of \(names)")
        }
        return chosen
    }

    /// - Returns: whether everything in the case is right.
    private func check(_ doctorCase: DoctorCase, threads: Int) -> Bool {
        let start = ContinuousClock.now
        do {
            let settings = CUDASettings(ordinal: gpu)
            let outcome = try DeviceComparison(doctorCase, settings, threads: threads)
            let seconds = String(format: "%.1f s", (ContinuousClock.now - start) / .seconds(1))
            let worst = String(format: "worst error %.4f in %@", outcome.worst.error, outcome.worst.operation)
            tell(doctorCase.name, "\(outcome.isRight ? "right" : "WRONG")  \(worst), \(seconds)")
            if verbose || !outcome.isRight {
                for (operation, error) in outcome.errors { tell("", String(format: "%.5f  %@", error, operation)) }
                tell("", String(format: "%.5f  logits of recorded steps", outcome.graphError))
                tell(
                    "",
                    "\(outcome.choices.compared) tokens chosen, \(outcome.choices.wrong.count) otherwise than here; "
                        + "\(outcome.ahead.compared) chosen ahead, \(outcome.ahead.wrong) otherwise than later"
                )
                for choice in outcome.choices.wrong.prefix(5) { tell("", choice) }
            }
            return outcome.isRight
        } catch {
            tell(doctorCase.name, "FAILED  \(error)")
            return false
        }
    }
}

func tell(_ subject: String, _ text: String) {
    print(subject.padding(toLength: max(28, subject.count + 2), withPad: " ", startingAt: 0) + text)
}
