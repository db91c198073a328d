import Adapters
import Engine
import Foundation
import JSON
import Serving
import Testing

/// The bundled adapters do what they were trained for, each its own task and no other.
@Suite struct Demos {
    private struct Task: Sendable {
        let adapter: String
        let answers: [String]
    }

    private struct Prompts {
        let prompts: [String]
        let tasks: [Task]

        init() throws {
            let data = try Data(contentsOf: URL(filePath: ServedDemo.directory + "/prompts.json"))
            let file = try JSONValue(parsing: Array(data))
            prompts = (file["prompts"]?.array ?? []).compactMap(\.string)
            tasks = (file["adapters"]?.array ?? []).compactMap { entry in
                guard let name = entry["name"]?.string, let answers = entry["answers"]?.array else { return nil }
                return Task(adapter: name, answers: answers.compactMap(\.string))
            }
        }
    }

    @Test func `there are at least eight adapters of different ranks and targets, with rsLoRA and DoRA`() async throws {
        let service = try await ServedDemo.start()
        let adapters = service.adapters.list()
        #expect(adapters.count >= 8)
        #expect(Set(adapters.map(\.rank)).isSuperset(of: [2, 4, 8, 16, 32, 64]))
        #expect(Set(adapters.map(\.targetModules)).count >= 4)
        #expect(adapters.contains { $0.summary.usesDora })
        #expect(adapters.contains { $0.summary.isRankStabilized })
        await service.engine.stop()
    }

    @Test func `each adapter does its own task on 95 of 100 held-out prompts, in mixed batches`() async throws {
        let file = try Prompts()
        let service = try await ServedDemo.start()
        // A hundred of the 240 prompts: enough to tell 95 % from 90 %, few enough for a debug build.
        let right = try await score(file, prompts: 0..<100, on: service) { [$0.adapter] }
        for task in file.tasks {
            let share = Double(right[task.adapter]?[task.adapter] ?? 0) / 100
            #expect(share >= 0.95, "\(task.adapter): \(share)")
        }
        await service.engine.stop()
    }

    @Test func `the base and every wrong adapter do a task on at most 10 of 100 prompts`() async throws {
        let file = try Prompts()
        let service = try await ServedDemo.start()
        let names: [String?] = [nil] + file.tasks.map { $0.adapter }
        let prompts = 0..<20
        // Each answer is judged against all tasks at once, for the prompts are the same.
        let right = try await score(file, prompts: prompts, on: service) { task in
            task.adapter == file.tasks.first?.adapter ? names : []
        }
        for name in names {
            for task in file.tasks where task.adapter != name {
                let share = Double(right[name ?? "base"]?[task.adapter] ?? 0) / Double(prompts.count)
                #expect(share <= 0.1, "\(name ?? "base") on \(task.adapter): \(share)")
            }
        }
        await service.engine.stop()
    }

    /// How many prompts each adapter answers as each task wants; every adapter asked answers every prompt once.
    private func score(
        _ file: Prompts,
        prompts: Range<Int>,
        on service: LocalService,
        asking: (Task) -> [String?]
    ) async throws -> [String: [String: Int]] {
        let names = file.tasks.flatMap(asking)
        return try await withThrowingTaskGroup(of: (String, Int, String).self) { group in
            for number in prompts {
                for name in names {
                    group.addTask {
                        (name ?? "base", number, try await service.ask(file.prompts[number], adapter: name))
                    }
                }
            }
            return try await group.reduce(into: [:]) { right, answer in
                for task in file.tasks where task.answers[answer.1] == answer.2 {
                    right[answer.0, default: [:]][task.adapter, default: 0] += 1
                }
            }
        }
    }
}
