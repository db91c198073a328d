internal import Models

/// The body of an engine's thread: take messages, step, hand events over.
struct EngineLoop<Runner: ModelRunner & ~Copyable>: ~Copyable {
    private var engine: Engine<Runner>
    private let mailbox: Mailbox
    private let delivery: EventDelivery
    private let published: PublishedStatistics
    private var messages: [EngineMessage] = []
    private var events: [PendingEvent] = []
    private var lastPublication = ContinuousClock.now
    private var turns = 0

    /// How old published statistics may get while the engine is busy.
    private static var publicationInterval: Duration { .milliseconds(50) }
    /// How long to sleep between questions whether an adapter has arrived, when nothing else can be done.
    private static var loadPollSeconds: Double { 0.0005 }

    init(
        engine: consuming Engine<Runner>,
        mailbox: Mailbox,
        delivery: EventDelivery,
        published: PublishedStatistics
    ) {
        self.engine = engine
        self.mailbox = mailbox
        self.delivery = delivery
        self.published = published
    }

    mutating func run() {
        publish()
        while true {
            let start = ContinuousClock.now
            let wait = engine.waitToPlan()
            guard handleMessages() else { break }
            checkInvariants()
            if engine.isIdle {
                publish()
                deliver()
                mailbox.wait()
                continue
            }
            let outcome = engine.step()
            // Before the last events: who waits for them finds all requests and tokens counted.
            if engine.hasNoRequests { publish() }
            deliver()
            let end = ContinuousClock.now
            switch outcome {
            case .ended(let forward): engine.measure(step: end - start, forward: forward + wait)
            case .begun: break
            case .nothing: mailbox.wait(atMost: Self.loadPollSeconds)
            }
            if end - lastPublication > Self.publicationInterval { publish() }
        }
        engine.cancelAll()
        publish()
        deliver()
        delivery.close()
    }

    /// In debug builds, looks now and then whether the engine's books balance, and always before it sleeps.
    private mutating func checkInvariants() {
        #if DEBUG
            turns += 1
            if engine.isIdle || turns % 16 == 0 { engine.checkInvariants() }
        #endif
    }

    /// - Returns: false when the engine is to stop.
    private mutating func handleMessages() -> Bool {
        mailbox.take(into: &messages)
        var goesOn = true
        for message in messages {
            switch message {
            case .submit(let submission): engine.admit(submission)
            case .cancel(let id): engine.cancel(id)
            case .stop: goesOn = false
            }
        }
        messages.removeAll(keepingCapacity: true)
        return goesOn
    }

    private mutating func deliver() {
        guard engine.hasEvents else { return }
        engine.exchangeEvents(&events)
        delivery.put(&events)
    }

    private mutating func publish() {
        lastPublication = .now
        published.value = engine.statistics()
    }
}
