/// The things of one rendering that have state or identity.
///
/// Values name them by index, so they cannot form reference
/// cycles and all end with the renderer.
struct Heap {
    var cyclers: [(items: [Value], position: Int)] = []
    var generators: [Generator] = []
    var joiners: [(separator: Value, isUsed: Bool)] = []
    var loops: [LoopState] = []
    var macros: [(macro: Macro, scope: Scope)] = []
    var namespaces: [ValueDictionary] = []

    mutating func addCycler(_ items: [Value]) -> Value {
        cyclers.append((items, 0))
        return .object(HeapReference(kind: .cycler, index: cyclers.count - 1))
    }

    /// An iterator: its elements can be taken once.
    mutating func addGenerator(_ values: [Value]) -> Value { add(.values(values, position: 0)) }

    /// An iterator whose elements are computed, all of them, when the first is asked for.
    ///
    /// What nobody looks at
    /// does no work and throws nothing, as in Python.
    mutating func addGenerator(_ make: @escaping (Renderer) throws(Fault) -> [Value]) -> Value { add(.pending(make)) }

    private mutating func add(_ generator: Generator) -> Value {
        generators.append(generator)
        return .object(HeapReference(kind: .generator, index: generators.count - 1))
    }

    mutating func addJoiner(_ separator: Value) -> Value {
        joiners.append((separator, false))
        return .object(HeapReference(kind: .joiner, index: joiners.count - 1))
    }

    mutating func addLoop(_ state: LoopState) -> HeapReference {
        loops.append(state)
        return HeapReference(kind: .loop, index: loops.count - 1)
    }

    mutating func addMacro(_ macro: Macro, in scope: Scope) -> Value {
        macros.append((macro, scope))
        return .object(HeapReference(kind: .macro, index: macros.count - 1))
    }

    mutating func addNamespace(_ attributes: ValueDictionary) -> Value {
        namespaces.append(attributes)
        return .object(HeapReference(kind: .namespace, index: namespaces.count - 1))
    }
}

/// The state of an iterator.
enum Generator {
    /// Nothing is computed yet. The closure must not hold the renderer, which holds it.
    case pending((Renderer) throws(Fault) -> [Value])
    case values([Value], position: Int)
}

/// Where a `for` loop stands, as its `loop` variable tells it.
struct LoopState {
    var items: [Value]
    /// From 0.
    var index = 0
    /// From 1 for the outermost of recursive loops.
    var depth = 1
    var lastChanged: [Value]?
    /// The statement, for a recursive loop.
    var recursion: (loop: Loop, scope: Scope)?
}
