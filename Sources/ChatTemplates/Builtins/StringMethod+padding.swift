extension StringMethod {
    func justify(_ text: Text, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        guard let width = try arguments.takeInteger() else {
            throw .evaluation("\(rawValue) expected at least 1 argument, got 0")
        }
        if self == .zfill { return .string(try zeroFilled(text, width, renderer)) }
        let fill = try arguments.takeText() ?? " "
        guard fill.count == 1 else { throw .evaluation("The fill character must be exactly one character long") }
        let padding = max(0, max(0, width) - text.count)
        // An odd place goes left when the width is odd, as in Python.
        let left =
            switch self {
            case .center: padding / 2 + (padding & width & 1)
            case .rjust: padding
            default: 0
            }
        return .string(try Self.padded(text, left: left, right: padding - left, fill.scalars[0], renderer))
    }

    static func padded(
        _ text: Text,
        left: Int,
        right: Int,
        _ fill: Unicode.Scalar,
        _ renderer: Renderer
    ) throws(Fault) -> Text {
        try renderer.charge(elements: text.count + min(left, Int.max / 4) + min(right, Int.max / 4))
        let scalars = Array(repeating: fill, count: left) + text.scalars + Array(repeating: fill, count: right)
        return Text(scalars, isMarkup: text.isMarkup)
    }

    private func zeroFilled(_ text: Text, _ width: Int, _ renderer: Renderer) throws(Fault) -> Text {
        let padding = max(0, max(0, width) - text.count)
        guard let sign = text.scalars.first, sign == "+" || sign == "-" else {
            return try Self.padded(text, left: padding, right: 0, "0", renderer)
        }
        let digits = try Self.padded(Text(text.scalars.dropFirst()), left: padding, right: 0, "0", renderer)
        return Text([sign] + digits.scalars)
    }

    func expandTabs(_ text: Text, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Value {
        let size = try arguments.takeInteger("tabsize") ?? 8
        var result = Text()
        var column = 0
        for scalar in text.scalars {
            guard scalar == "\t" else {
                result.scalars.append(scalar)
                column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
                continue
            }
            guard size > 0 else { continue }
            let spaces = size - column % size
            try renderer.charge(elements: spaces)
            result.scalars += Array(repeating: " ", count: spaces)
            column += spaces
        }
        return .string(result)
    }

    func formatMap(_ text: Text, _ arguments: inout Arguments, _ renderer: Renderer) throws(Fault) -> Text {
        guard case .dictionary(let mapping) = try arguments.require() else {
            throw .evaluation("format_map() argument must be a mapping")
        }
        var values = Arguments(callee: rawValue)
        for (key, value) in zip(mapping.keys, mapping.values) {
            if case .string(let name) = key { values.named.append((name.string, value)) }
        }
        return try BraceFormat.format(text, values, renderer)
    }
}
