/// One rendering of a template: the walk over its tree, the names in scope, what is written, and what it may cost.
final class Renderer {
    let limits: RenderLimits
    let clock: CalendarTime?
    var scope = Scope(parent: nil)
    var output = OutputBuffer()
    var heap = Heap()
    /// The line being evaluated, for errors.
    var line = 1
    private var stepsLeft: Int
    private var depth = 0

    init(limits: RenderLimits, clock: CalendarTime?) {
        self.limits = limits
        self.clock = clock
        stepsLeft = limits.steps
    }

    func charge(_ steps: Int = 1) throws(Fault) {
        guard steps <= stepsLeft else { throw .stepsExhausted(limit: limits.steps) }
        stepsLeft -= steps
    }

    /// Pays for making `count` code points or elements, before they are made.
    func charge(elements count: Int) throws(Fault) {
        guard count <= limits.outputBytes else { throw .outputTooLarge(limit: limits.outputBytes) }
        try charge(1 + count / RenderLimits.scalarsPerStep)
    }

    /// Pays for comparing or hashing a value.
    func charge(walking value: Value) throws(Fault) {
        try charge(1 + value.extent.weight / 8)
    }

    /// Runs `work` one level deeper.
    func nested<T>(_ work: () throws(Fault) -> T) throws(Fault) -> T {
        try charge()
        depth += 1
        defer { depth -= 1 }
        guard depth <= limits.depth else { throw .depthExceeded(limit: limits.depth) }
        return try work()
    }

    func write(_ text: Text) throws(Fault) {
        try charge(elements: text.count)
        output.append(text)
        guard output.byteCount <= limits.outputBytes else { throw .outputTooLarge(limit: limits.outputBytes) }
    }

    /// What `work` writes, kept from the output.
    func capturing(_ work: () throws(Fault) -> Void) throws(Fault) -> Text {
        let outer = output
        output = OutputBuffer()
        defer { output = outer }
        try work()
        return output.text
    }

    /// Runs `work` with names of its own over `parent`, the current scope when nil.
    func inScope<T>(_ inner: Scope, _ work: () throws(Fault) -> T) throws(Fault) -> T {
        let outer = scope
        scope = inner
        defer { scope = outer }
        return try work()
    }
}

/// The names assigned in a block, over those around it.
final class Scope {
    var names: [String: Value] = [:]
    let parent: Scope?

    init(parent: Scope?) { self.parent = parent }

    func value(of name: String) -> Value? {
        var scope: Scope? = self
        while let current = scope {
            if let value = current.names[name] { return value }
            scope = current.parent
        }
        return nil
    }
}

struct OutputBuffer {
    private(set) var text = Text()
    private(set) var byteCount = 0

    mutating func append(_ more: Text) {
        text.scalars += more.scalars
        for scalar in more.scalars { byteCount += UTF8.width(scalar) }
    }
}
