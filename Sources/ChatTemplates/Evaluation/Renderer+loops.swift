extension Renderer {
    func executeLoop(_ loop: Loop) throws(Fault) -> Flow {
        try execute(loop, over: try evaluate(loop.iterable), depth: 1)
        return .normal
    }

    /// `loop(children)` inside a recursive loop: what the loop writes over `children`.
    func recurse(_ reference: HeapReference, into children: Value) throws(Fault) -> Value {
        let state = heap.loops[reference.index]
        guard let (loop, outer) = state.recursion else {
            throw .evaluation("The loop must have the 'recursive' marker to be called recursively.")
        }
        let text = try capturing { () throws(Fault) in
            try self.inScope(outer) { () throws(Fault) in
                try self.execute(loop, over: children, depth: state.depth + 1)
            }
        }
        return .string(text)
    }

    private func execute(_ loop: Loop, over iterable: Value, depth: Int) throws(Fault) {
        let items = try filtered(try elements(of: iterable), loop)
        guard !items.isEmpty else {
            return try executeElse(loop)
        }
        var state = LoopState(items: items, depth: depth)
        if loop.isRecursive { state.recursion = (loop, scope) }
        let reference = heap.addLoop(state)
        // What is left of the loop afterwards is its variable, should it have been kept; the elements are not.
        defer { heap.loops[reference.index].items.removeAll() }
        var hasFinishedRound = false
        for index in items.indices {
            heap.loops[reference.index].index = index
            let flow = try executeRound(loop, items[index], reference)
            hasFinishedRound = hasFinishedRound || flow == .normal
            if flow == .breakLoop { break }
        }
        // jinja2's `else` is for loops none of whose rounds came to its end, not only for those without rounds.
        if !hasFinishedRound { try executeElse(loop) }
    }

    private func executeElse(_ loop: Loop) throws(Fault) {
        _ = try inScope(Scope(parent: scope)) { () throws(Fault) in try self.execute(loop.otherwise) }
    }

    private func executeRound(_ loop: Loop, _ item: Value, _ reference: HeapReference) throws(Fault) -> Flow {
        try charge()
        let inner = Scope(parent: scope)
        inner.names["loop"] = .object(reference)
        return try inScope(inner) { () throws(Fault) in
            try self.assign(item, to: loop.target)
            return try self.execute(loop.body)
        }
    }

    /// The items that pass `for ... if test`; the test sees the loop's target but not `loop`.
    private func filtered(_ items: [Value], _ loop: Loop) throws(Fault) -> [Value] {
        guard let test = loop.filter else { return items }
        var kept: [Value] = []
        for item in items {
            try charge()
            let passes = try inScope(Scope(parent: scope)) { () throws(Fault) in
                try self.assign(item, to: loop.target)
                return try self.evaluate(test).isTruthy
            }
            if passes { kept.append(item) }
        }
        return kept
    }

    /// The attribute `name` of a `loop` variable; nil when it has none of that name.
    func loopAttribute(_ name: String, _ reference: HeapReference) -> Value? {
        let state = heap.loops[reference.index]
        let count = state.items.count
        switch name {
        case "index": return .integer(state.index + 1)
        case "index0": return .integer(state.index)
        case "revindex": return .integer(count - state.index)
        case "revindex0": return .integer(count - state.index - 1)
        case "first": return .bool(state.index == 0)
        case "last": return .bool(state.index + 1 >= count)
        case "length": return .integer(count)
        case "depth": return .integer(state.depth)
        case "depth0": return .integer(state.depth - 1)
        case "previtem":
            let hasPrevious = state.index > 0 && state.index <= count
            return hasPrevious ? state.items[state.index - 1] : .undefined(.hint("there is no previous item"))
        case "nextitem":
            return state.index + 1 < count
                ? state.items[state.index + 1] : .undefined(.hint("there is no next item"))
        case "cycle", "changed": return .method(BoundMethod(receiver: .object(reference), name: name))
        default: return nil
        }
    }

    func callLoopMethod(_ name: String, _ reference: HeapReference, _ arguments: Arguments) throws(Fault) -> Value {
        guard arguments.named.isEmpty else { throw .evaluation("loop.\(name)() takes no keyword arguments") }
        let values = arguments.positional
        if name == "cycle" {
            guard !values.isEmpty else { throw .evaluation("no items for cycling given") }
            return values[heap.loops[reference.index].index % values.count]
        }
        for value in values { try charge(walking: value) }
        if let last = heap.loops[reference.index].lastChanged, Value.areEqual(last, values) { return .bool(false) }
        heap.loops[reference.index].lastChanged = values
        return .bool(true)
    }
}
