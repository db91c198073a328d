extension Renderer {
    func call(_ function: Value, _ arguments: Arguments) throws(Fault) -> Value {
        switch function {
        case .undefined(let undefined): throw undefined.fault
        case .function(let global): return try global.call(arguments, self)
        case .method(let method): return try call(method, arguments)
        case .object(let reference): return try call(reference, arguments)
        default: throw .evaluation("'\(function.typeName)' object is not callable")
        }
    }

    private func call(_ reference: HeapReference, _ arguments: Arguments) throws(Fault) -> Value {
        switch reference.kind {
        case .macro: return .string(try callMacro(reference, arguments))
        case .joiner:
            let joiner = heap.joiners[reference.index]
            heap.joiners[reference.index].isUsed = true
            return joiner.isUsed ? joiner.separator : .string("")
        case .loop:
            var arguments = arguments
            let children = try arguments.require("iterable")
            try arguments.finish()
            return try recurse(reference, into: children)
        case .cycler, .generator, .namespace:
            throw .evaluation("'\(reference.kind.typeName)' object is not callable")
        }
    }

    private func call(_ method: BoundMethod, _ arguments: Arguments) throws(Fault) -> Value {
        var arguments = arguments
        arguments.callee = method.name
        switch method.receiver {
        case .string(let text): return try StringMethod.call(method.name, text, arguments, self)
        case .list(let items), .tuple(let items): return try callSequenceMethod(method.name, items.values, arguments)
        case .range(let range):
            return try callSequenceMethod(method.name, try elements(of: .range(range)), arguments)
        case .dictionary(let dictionary): return try callDictionaryMethod(method.name, dictionary, arguments)
        case .object(let reference) where reference.kind == .loop:
            return try callLoopMethod(method.name, reference, arguments)
        case .object(let reference): return try callCyclerMethod(method.name, reference, arguments)
        }
    }

    private func callCyclerMethod(_ name: String, _ reference: HeapReference, _ arguments: Arguments) throws(Fault)
        -> Value
    {
        var arguments = arguments
        try arguments.finish()
        let cycler = heap.cyclers[reference.index]
        let isReset = name == "reset"
        heap.cyclers[reference.index].position = isReset ? 0 : (cycler.position + 1) % cycler.items.count
        return isReset ? .none : cycler.items[cycler.position]
    }

    private func callSequenceMethod(_ name: String, _ values: [Value], _ arguments: Arguments) throws(Fault) -> Value {
        var arguments = arguments
        if name == "copy" {
            try arguments.finish()
            return try .list(values)
        }
        let wanted = try arguments.require()
        for value in values { try charge(walking: value.extent.weight < wanted.extent.weight ? value : wanted) }
        if name == "count" {
            try arguments.finish()
            return .integer(values.count { $0.equals(wanted) })
        }
        let bounds = try arguments.takeSliceBounds(count: values.count)
        try arguments.finish()
        let place = values.indices.first { bounds.contains($0) && values[$0].equals(wanted) }
        guard let place else { throw .evaluation("\(try representation(of: wanted).string) is not in list") }
        return .integer(place)
    }

    private func callDictionaryMethod(_ name: String, _ dictionary: ValueDictionary, _ arguments: Arguments)
        throws(Fault) -> Value
    {
        var arguments = arguments
        if name == "get" {
            let key = try arguments.require()
            try charge(walking: key)
            let standard = arguments.take() ?? .none
            try arguments.finish()
            return try dictionary.value(for: key) ?? standard
        }
        try arguments.finish()
        switch name {
        case "items": return .view(.items(dictionary))
        case "keys": return .view(.keys(dictionary))
        case "values": return .view(.values(dictionary))
        default: return .dictionary(dictionary)
        }
    }
}
