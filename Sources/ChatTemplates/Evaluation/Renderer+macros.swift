extension Renderer {
    /// What a macro writes when called.
    func callMacro(_ reference: HeapReference, _ arguments: Arguments) throws(Fault) -> Text {
        let (macro, outer) = heap.macros[reference.index]
        let inner = Scope(parent: outer)
        var rest = arguments
        var unset: [(name: String, standard: Expression?)] = []
        for (index, parameter) in macro.parameters.enumerated() {
            if index < arguments.positional.count {
                inner.names[parameter.name] = arguments.positional[index]
            } else if let value = rest.takeNamed(parameter.name) {
                inner.names[parameter.name] = value
            } else {
                unset.append(parameter)
            }
        }
        try bindSpecialNames(of: macro, &rest, in: inner)
        return try inScope(inner) { () throws(Fault) in
            try self.bindStandards(unset)
            return try self.capturing { () throws(Fault) in _ = try self.execute(macro.body) }
        }
    }

    /// Standard values are computed at the call and see the parameters before them.
    private func bindStandards(_ parameters: [(name: String, standard: Expression?)]) throws(Fault) {
        for (name, standard) in parameters {
            scope.names[name] =
                try standard.map { (standard) throws(Fault) in try self.evaluate(standard) }
                ?? .undefined(.hint("parameter '\(name)' was not provided"))
        }
    }

    /// Binds `caller`, `kwargs` and `varargs` where the body reads them, and refuses arguments left over.
    private func bindSpecialNames(of macro: Macro, _ rest: inout Arguments, in inner: Scope) throws(Fault) {
        let name = macro.name.map { "'\($0)'" } ?? "None"
        let extra = Array(rest.positional.dropFirst(macro.parameters.count))
        if macro.usesCaller {
            let caller = rest.takeNamed("caller") ?? .undefined(.hint("No caller defined"))
            inner.names["caller"] = caller
        }
        if macro.usesKwargs {
            var kwargs = ValueDictionary()
            for (name, value) in rest.named { try kwargs.set(.string(name), to: value) }
            inner.names["kwargs"] = .dictionary(kwargs)
        } else if let first = rest.named.first {
            throw .evaluation("macro \(name) takes no keyword argument '\(first.name)'")
        }
        if macro.usesVarargs {
            inner.names["varargs"] = try .tuple(extra)
        } else if !extra.isEmpty {
            throw .evaluation("macro \(name) takes not more than \(macro.parameters.count) argument(s)")
        }
    }
}
