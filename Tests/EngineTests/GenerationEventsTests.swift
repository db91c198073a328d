import Core
import Engine
import Synchronization
import TestSupport
import Testing

/// A reader gets what was sent, in order, and the sender hears of a reader that leaves, once.
@Suite struct GenerationEventsTests {
    private func token(_ index: Int) -> GenerationEvent {
        .token(GeneratedToken(index: index, id: TokenID(Int32(index))))
    }

    private let end = GenerationEvent.finished(.length)

    @Test func `events come in order, the end comes once, and then nothing`() async {
        let (events, sender) = GenerationEvents.make()
        let leaves = sender.countLeaves()
        for index in 0..<3 { #expect(sender.send(token(index))) }
        #expect(sender.send(end))
        #expect(!sender.send(.finished(.cancelled)) && !sender.send(token(3)))
        var iterator = events.makeAsyncIterator()
        for index in 0..<3 { #expect(await iterator.next() == token(index)) }
        #expect(await iterator.next() == end)
        for _ in 0..<2 { #expect(await iterator.next() == nil) }
        #expect(leaves.count == 0)
    }

    @Test func `a reader that waits is given each event`() async {
        let (events, sender) = GenerationEvents.make()
        let reader = Task { await events.reduce(into: [GenerationEvent]()) { $0.append($1) } }
        for index in 0..<3 {
            try? await Task.sleep(for: .milliseconds(2))
            sender.send(token(index))
        }
        sender.send(.failed(.stopped))
        #expect(await reader.value == [token(0), token(1), token(2), .failed(.stopped)])
    }

    @Test func `who reads on goes on where the last one stopped`() async {
        let (events, sender) = GenerationEvents.make()
        let leaves = sender.countLeaves()
        for index in 0..<3 { sender.send(token(index)) }
        for await event in events {
            #expect(event == token(0))
            break
        }
        #expect(leaves.count == 0)
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == token(1))
        var other = events.makeAsyncIterator()
        #expect(await other.next() == token(2))
    }

    @Test func `events dropped unread cancel once`() {
        let sender: EventSender
        let leaves: Leaves
        do {
            let (events, other) = GenerationEvents.make()
            (sender, leaves) = (other, other.countLeaves())
            #expect(sender.send(token(0)) && leaves.count == 0)
            _ = consume events
        }
        #expect(leaves.count == 1)
        #expect(!sender.send(token(1)))
    }

    @Test func `who stops reading half-way cancels once`() async {
        let (stream, sender) = GenerationEvents.make()
        let leaves = sender.countLeaves()
        sender.send(token(0))
        await Task { [events = consume stream] in for await _ in events { break } }.value
        #expect(leaves.count == 1)
        #expect(!sender.send(end))
    }

    @Test func `nothing is left to cancel once the end is sent`() async {
        let (stream, sender) = GenerationEvents.make()
        let leaves = sender.countLeaves()
        sender.send(token(0))
        sender.send(end)
        let reader = Task { [events = consume stream] in for await _ in events { break } }
        reader.cancel()
        await reader.value
        #expect(leaves.count == 0)
    }

    @Test func `a reader that is cancelled while it waits hears what the cancellation sends`() async {
        for sendsEnd in [false, true] {
            let (events, sender) = GenerationEvents.make()
            let leaves = Leaves()
            sender.onCancel {
                leaves.add()
                if sendsEnd { sender.send(.finished(.cancelled)) }
            }
            let reader = Task { await events.reduce(into: [GenerationEvent]()) { $0.append($1) } }
            try? await Task.sleep(for: .milliseconds(5))
            reader.cancel()
            #expect(await reader.value == (sendsEnd ? [.finished(.cancelled)] : []))
            #expect(leaves.count == 1)
            #expect(!sender.send(token(0)))
        }
    }

    @Test func `a task cancelled before it reads cancels, and still gets what was sent`() async {
        let (events, sender) = GenerationEvents.make()
        let leaves = sender.countLeaves()
        sender.send(token(0))
        let reader = Task {
            while !Task.isCancelled { await Task.yield() }
            return await events.reduce(into: [GenerationEvent]()) { $0.append($1) }
        }
        reader.cancel()
        #expect(await reader.value == [token(0)])
        #expect(leaves.count == 1)
    }

    @Test func `a reader that never has to wait is cancelled all the same`() async {
        let (events, sender) = GenerationEvents.make()
        let leaves = sender.countLeaves()
        sender.send(token(0))
        let reader = Task {
            var count = 0
            for await _ in events {
                count += 1
                sender.send(token(count))
            }
            return count
        }
        reader.cancel()
        #expect(await reader.value >= 1)
        #expect(leaves.count == 1)
    }

    @Test func `two tasks must not read at once`() async {
        await #expect(processExitsWith: .failure) {
            let events = GenerationEvents.make().events
            async let one = events.first { _ in true }
            async let two = events.first { _ in true }
            _ = await (one, two)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `whenever readers wait, leave or are cancelled, nothing is lost, doubled or left hanging`(
        seed: UInt64
    ) async {
        var random = SplitMix(seed: seed)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<500 {
                let race = Race(&random)
                group.addTask { await race.run() }
            }
        }
    }
}

/// A sender that takes its time against a reader that leaves, or is cancelled, when it likes.
private struct Race {
    private let count: Int
    private let pause: Int
    private let cancelAfter: Int?
    private let leaveAfter: Int?

    init(_ random: inout SplitMix) {
        count = random.next(below: 40)
        pause = random.next(below: 3)
        cancelAfter = random.next(below: 3) == 0 ? random.next(below: 80) : nil
        leaveAfter = random.next(below: 3) == 0 ? random.next(below: 40) : nil
    }

    func run() async {
        let (stream, sender) = GenerationEvents.make()
        let leaves = sender.countLeaves()
        let reader = Task { [events = consume stream] in await read(events) }
        async let sent: Void = send(to: sender)
        if let cancelAfter {
            for _ in 0..<cancelAfter { await Task.yield() }
            reader.cancel()
        }
        let (indices, ends) = await reader.value
        await sent
        #expect(indices == Array(0..<indices.count))
        if ends > 0 {
            #expect(ends == 1 && indices.count == count && leaves.count == 0)
        } else if leaves.count == 0 {
            // It left of itself when the end was sent already.
            #expect(indices.count == leaveAfter)
        } else {
            #expect(leaves.count == 1 && (cancelAfter != nil || indices.count == leaveAfter))
        }
    }

    private func send(to sender: EventSender) async {
        for index in 0..<count {
            for _ in 0..<pause { await Task.yield() }
            sender.send(.token(GeneratedToken(index: index, id: TokenID(7))))
        }
        sender.send(.finished(.length))
    }

    private func read(_ events: GenerationEvents) async -> (indices: [Int], ends: Int) {
        var (indices, ends) = ([Int](), 0)
        for await event in events {
            if case .token(let token) = event { indices.append(token.index) } else { ends += 1 }
            if indices.count == leaveAfter { break }
        }
        return (indices, ends)
    }
}

/// How often a sender's reader left.
private final class Leaves: Sendable {
    private let number = Atomic<Int>(0)

    var count: Int { number.load(ordering: .sequentiallyConsistent) }

    func add() { number.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}

extension EventSender {
    fileprivate func countLeaves() -> Leaves {
        let leaves = Leaves()
        onCancel { leaves.add() }
        return leaves
    }
}
