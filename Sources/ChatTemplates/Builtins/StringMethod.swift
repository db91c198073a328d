/// The methods of strings.
enum StringMethod: String, Sendable {
    case capitalize, casefold, center, count, endswith, expandtabs, find, format, index, isalnum, isalpha, isascii
    case isdecimal, isdigit, islower, isnumeric, isspace, istitle, isupper, join, ljust, lower, lstrip, partition
    case removeprefix, removesuffix, replace, rfind, rindex, rjust, rpartition, rsplit, rstrip, split, splitlines
    case startswith, strip, swapcase, title, upper, zfill
    case formatMap = "format_map"

    static func call(_ name: String, _ text: Text, _ arguments: Arguments, _ renderer: Renderer) throws(Fault) -> Value
    {
        guard let method = StringMethod(rawValue: name) else {
            throw .evaluation("'str' object has no attribute '\(name)'")
        }
        try renderer.charge(elements: text.count)
        var arguments = arguments
        let value = try method.apply(text, &arguments, renderer)
        try arguments.finish()
        return value
    }

    private func apply(_ text: Text, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        switch self {
        case .capitalize: .string(text.capitalized())
        case .casefold: throw .unsupported("the method 'casefold'")
        case .lower: .string(text.lowercased())
        case .swapcase: .string(text.swapcased())
        case .title: .string(text.titlecased())
        case .upper: .string(text.uppercased())
        case .isalnum: .bool(text.isAlphanumeric)
        case .isalpha: .bool(text.isAlphabetic)
        case .isascii: .bool(text.scalars.allSatisfy(\.isASCII))
        case .isdecimal: .bool(text.isDecimal)
        case .isdigit: .bool(text.isDigits)
        case .islower: .bool(text.isLower)
        case .isnumeric: .bool(text.isNumeric)
        case .isspace: .bool(text.isSpace)
        case .istitle: .bool(text.isTitle)
        case .isupper: .bool(text.isUpper)
        case .strip: .string(text.stripped(.both, of: try arguments.takeText()))
        case .lstrip: .string(text.stripped(.left, of: try arguments.takeText()))
        case .rstrip: .string(text.stripped(.right, of: try arguments.takeText()))
        case .removeprefix, .removesuffix: try removeAffix(text, &arguments)
        case .replace: try replace(text, &arguments, renderer)
        case .join: try join(text, &arguments, renderer)
        case .split, .rsplit: try split(text, &arguments, renderer)
        case .splitlines: try .list(text.lines(keepingEnds: arguments.takeFlag("keepends")).map { .string($0) })
        case .partition, .rpartition: try partition(text, &arguments)
        case .startswith, .endswith: .bool(try hasAffix(text, &arguments))
        case .count, .find, .index, .rfind, .rindex: try search(text, &arguments)
        case .center, .ljust, .rjust, .zfill: try justify(text, &arguments, renderer)
        case .expandtabs: try expandTabs(text, &arguments, renderer)
        case .format: .string(try BraceFormat.format(text, arguments.takeRest(), renderer))
        case .formatMap: .string(try formatMap(text, &arguments, renderer))
        }
    }

    private func requireText(_ arguments: inout Arguments) throws(Fault) -> Text {
        let value = try arguments.require()
        guard case .string(let text) = value else {
            throw .evaluation("\(rawValue)() argument must be str, not \(value.typeName)")
        }
        return text
    }

    private func removeAffix(_ text: Text, _ arguments: inout Arguments) throws(Fault) -> Value {
        let affix = try requireText(&arguments)
        if self == .removeprefix {
            return .string(text.hasPrefix(affix) ? Text(text.scalars.dropFirst(affix.count)) : text)
        }
        return .string(text.hasSuffix(affix) ? Text(text.scalars.dropLast(affix.count)) : text)
    }

    private func replace(_ text: Text, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        let old = try requireText(&arguments)
        let new = try requireText(&arguments)
        let limit = try arguments.takeInteger() ?? -1
        return .string(try Self.replace(old, with: new, in: text, limit: limit, renderer))
    }

    /// Replaces after paying for the longest result there could be.
    static func replace(_ old: Text, with new: Text, in text: Text, limit: Int, _ renderer: Renderer) throws(Fault)
        -> Text
    {
        let found = text.occurrences(of: old, from: 0, to: text.count)
        let growth = (limit < 0 ? found : min(found, limit)).multipliedReportingOverflow(by: new.count)
        try renderer.charge(elements: growth.overflow ? Int.max : text.count + min(growth.partialValue, Int.max / 2))
        return text.replacing(old, with: new, limit: limit)
    }

    private func join(_ text: Text, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        var parts: [Text] = []
        for (index, value) in try renderer.elements(of: try arguments.require()).enumerated() {
            guard case .string(let part) = value else {
                throw .evaluation("sequence item \(index): expected str instance, \(value.typeName) found")
            }
            parts.append(part)
        }
        return .string(try Self.join(parts, with: text, renderer))
    }

    static func join(_ parts: [Text], with separator: Text, _ renderer: Renderer) throws(Fault) -> Text {
        let gaps = separator.count.multipliedReportingOverflow(by: max(0, parts.count - 1))
        guard !gaps.overflow else { throw .outputTooLarge(limit: renderer.limits.outputBytes) }
        try renderer.charge(elements: parts.reduce(gaps.partialValue) { $0 + $1.count })
        return Text(parts.map(\.scalars).joined(separator: separator.scalars))
    }

    private func split(_ text: Text, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        let separator = try arguments.takeText("sep")
        let given = try arguments.takeInteger("maxsplit") ?? -1
        let limit = given < 0 ? Int.max : given
        if separator?.isEmpty == true { throw .evaluation("empty separator") }
        let parts: [Text]
        switch (separator, self) {
        case (nil, .split): parts = text.splitOnSpace(limit: limit)
        case (nil, _): parts = text.splitOnSpaceFromRight(limit: limit)
        case (let separator?, .split): parts = text.split(on: separator, limit: limit)
        case (let separator?, _): parts = text.splitFromRight(on: separator, limit: limit)
        }
        try renderer.charge(parts.count)
        return try .list(parts.map { .string($0) })
    }

    private func partition(_ text: Text, _ arguments: inout Arguments) throws(Fault) -> Value {
        let separator = try requireText(&arguments)
        guard !separator.isEmpty else { throw .evaluation("empty separator") }
        let isLeft = self == .partition
        let place = isLeft ? text.firstIndex(of: separator.scalars) : text.lastIndex(of: separator.scalars)
        guard let place else {
            return try .tuple(isLeft ? [.string(text), "", ""] : ["", "", .string(text)])
        }
        let tail = Text(text.scalars[(place + separator.count)...])
        return try .tuple([.string(Text(text.scalars[..<place])), .string(separator), .string(tail)])
    }

    private func hasAffix(_ text: Text, _ arguments: inout Arguments) throws(Fault) -> Bool {
        let affixes: [Value]
        switch try arguments.require() {
        case .tuple(let items): affixes = items.values
        case let other: affixes = [other]
        }
        let bounds = try arguments.takeSliceBounds(count: text.count)
        guard bounds.upperBound <= text.count else { return false }
        let part = Text(text.scalars[bounds])
        for affix in affixes {
            guard case .string(let affix) = affix else {
                throw .evaluation(
                    "\(rawValue) first arg must be str or a tuple of str, not \(affix.typeName)"
                )
            }
            if self == .startswith ? part.hasPrefix(affix) : part.hasSuffix(affix) { return true }
        }
        return false
    }

    private func search(_ text: Text, _ arguments: inout Arguments) throws(Fault) -> Value {
        let needle = try requireText(&arguments)
        let bounds = try arguments.takeSliceBounds(count: text.count)
        let isReachable = bounds.upperBound <= text.count
        if self == .count {
            let (start, end) = (bounds.lowerBound, bounds.upperBound)
            return .integer(isReachable ? text.occurrences(of: needle, from: start, to: end) : 0)
        }
        var place: Int?
        if isReachable {
            place =
                self == .find || self == .index
                ? text.firstIndex(of: needle.scalars, from: bounds.lowerBound, to: bounds.upperBound)
                : text.lastIndex(of: needle.scalars, from: bounds.lowerBound, to: bounds.upperBound)
        }
        if let place { return .integer(place) }
        guard self == .find || self == .rfind else { throw .evaluation("substring not found") }
        return .integer(-1)
    }
}

extension Value: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self = .string(value) }
}
