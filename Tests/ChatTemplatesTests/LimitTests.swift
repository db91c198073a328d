import JSON
import Testing

@testable import ChatTemplates

/// Hostile templates and messages end in an error, in bounded time and on a bounded stack.
struct LimitTests {
    private func error(_ source: String, limits: RenderLimits = RenderLimits()) -> ChatTemplateError? {
        do throws(ChatTemplateError) {
            _ = try ChatTemplate(source: source).render(context: [:], limits: limits)
            return nil
        } catch {
            return error
        }
    }

    private static let deep = 3000

    @Test(arguments: [
        ("(", "1", ")"), ("[", "1", "]"), ("{1:", "1", "}"), ("not ", "1", ""), ("-", "1", ""), ("", "1", "+1"),
        ("", "1", ".a"), ("", "1", "|string"), ("a[", "1", "]"), ("1 if 0 else ", "1", ""), ("range(", "1", ")"),
    ])
    func `an expression nested too deep is refused when read`(open: String, middle: String, close: String) {
        let source = String(repeating: open, count: Self.deep) + middle + String(repeating: close, count: Self.deep)
        #expect(error("{{ \(source) }}") == .depthExceeded(limit: Parser.maxDepth, line: 1))
    }

    @Test(arguments: [
        ("{% if 1 %}", "{% endif %}"), ("{% for x in [1] %}", "{% endfor %}"), ("{% with %}", "{% endwith %}"),
    ])
    func `statements nested too deep are refused when read`(open: String, close: String) {
        let source = String(repeating: open, count: Self.deep) + String(repeating: close, count: Self.deep)
        #expect(error(source) == .depthExceeded(limit: Parser.maxDepth, line: 1))
    }

    @Test(arguments: [
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        """
        {% macro m() %}{% for y in [1] %}{% if y %}{% filter upper %}{{ [m()] }}{% endfilter %}\
        {% endif %}{% endfor %}{% endmacro %}{{ m() }}
        """,
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    ])
    func `endless recursion ends`(source: String) {
        #expect(error(source)?.code == "depth_exceeded")
    }

    @Test func `values cannot nest or grow without end`() {
        let head = "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}{% set ns.x = "
        #expect(error(head + "[ns.x] %}{% endfor %}")?.code == "depth_exceeded")
        #expect(error(head + "[ns.x, ns.x] %}{% endfor %}")?.code == "output_too_large")
        #expect(error(head + "ns.x + ns.x %}{% endfor %}")?.code == "output_too_large")
        #expect(error(head + "ns.x | map('upper') %}{% endfor %}{{ ns.x | list }}")?.code == "depth_exceeded")
        #expect(error("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}")?.code == "depth_exceeded")
    }

    @Test(arguments: [
        "{{ 'a' * 10**15 }}", "{{ '' * 10**15 }}", "{{ [1] * 10**9 }}", "{{ 'a' | indent(10**18) }}",
        "{{ 'a'.center(10**17) }}", "{{ [1] | tojson(indent=10**17) }}", "{{ [1] | batch(10**17, 1) | list }}",
        "{{ [1] | slice(10**17) | list }}", "{{ '\\t'.expandtabs(10**18) }}",
        "{% set x = 'x' * 10**6 %}{% for i in range(99) %}{{ x }}{% endfor %}",
        "{% set ns = namespace(x='a') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    ])
    func `what would be too long is refused before it is made`(source: String) {
        #expect(error(source)?.code == "output_too_large")
    }

    @Test func `the budget of steps ends long loops`() {
        let source = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}\n"
        let limits = RenderLimits(steps: 100_000)
        #expect(error(source, limits: limits) == .stepsExhausted(limit: 100_000, line: 1))
        #expect(error("{{ range(100001) }}")?.code == "evaluation")
    }

    @Test(arguments: [
        "{{ 9223372036854775807 + 1 }}", "{{ 10 ** 100 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}", "{{ (-9223372036854775807 - 1) | abs }}",
        "{{ -(-9223372036854775807 - 1) }}", "{{ '9223372036854775808' | int }}", "{{ 1e300 | int }}",
        "{{ '%9999999999d' % 1 }}", "{{ '{:9999999999}'.format(1) }}",
    ])
    func `numbers beyond 64 bits and absurd widths are errors`(source: String) {
        #expect(error(source)?.code == "evaluation")
    }

    @Test func `extreme slices and ranges are taken as Python takes them`() throws {
        let source = """
            {{ 'abc'[9223372036854775807:-9223372036854775807:-9223372036854775807] }}\
            {{ 'abc'[::-9223372036854775807 - 1] }}{{ 'abc'.find('a', -9223372036854775807 - 1) }}\
            {{ 'abc'.find('a', 9223372036854775807) }}{{ 1.5 | round(400) }}{{ 12 | round(-25) }}
            """
        let text = try ChatTemplate(source: source).render(context: [:])
        #expect(text == "cc0-11.50")
    }

    @Test(arguments: [
        "{{ 'a'.center(least) }}", "{{ 'a'.zfill(least) }}", "{{ 'a' | center(least) }}",
        "{{ [1] | batch(least, 0) | list }}",
        "{{ 1.5 | round(least) }}", "{{ 1.5 | round(least, 'floor') }}", "{{ 15 | round(least) }}",
        "{{ '%*d' % (least, 1) }}",
        "{{ 'abc' | truncate(least) }}", "{{ 'abc' | truncate(3, leeway=least) }}", "{{ 'a' | indent(least) }}",
        "{{ '\\t'.expandtabs(least) }}", "{{ 'a' * least }}", "{{ [1] | slice(least) | list }}",
        "{{ 'aa'.replace('a', 'b', least) }}",
        "{{ 'a a'.split(' ', least) }}", "{{ range(least) | list }}", "{{ range(0, 9, least) | list }}",
        "{{ [1] | tojson(indent=least) }}",
        "{{ '%c' % least }}", "{{ '{:{}}'.format(1, least) }}", "{{ 'abc'[least:] }}",
        "{{ [1, 2] | sum(start=least) }}",
        "{{ least % -1 }}", "{{ least // 1 }}", "{{ least ** 2 }}", "{{ 'x' | int(base=least) }}",
        "{{ least | filesizeformat }}",
    ])
    func `the least integer stops nothing`(source: String) {
        // Rendered or refused, in one piece.
        _ = error("{% set least = -9223372036854775807 - 1 %}" + source)
    }

    @Test(arguments: [
        "{{ needle in text }}", "{{ text.find(needle) }}", "{{ text.rfind(needle) }}", "{{ text.count(needle) }}",
        "{{ text.replace(needle, 'c') | length }}", "{{ text.split(needle) | length }}",
        "{{ text.rsplit(needle) | length }}",
        "{{ text.partition(needle) | length }}",
    ])
    func `a search takes a time that grows with the text only`(search: String) throws {
        let almost = "{% set text = 'a' * 200000 %}{% set half = 'a' * 90000 %}"
        let start = ContinuousClock.now
        for needle in ["half ~ 'b'", "'b' ~ half", "half ~ 'b' ~ half"] {
            _ = try ChatTemplate(source: almost + "{% set needle = \(needle) %}" + search).render(context: [:])
        }
        // The product would be 1e10 comparisons, each of the 3 times.
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test func `a small budget of output is kept to the byte`() throws {
        let template = try ChatTemplate(source: "{{ 'é' * 4 }}")
        #expect(try template.render(context: [:], limits: RenderLimits(outputBytes: 8)) == "éééé")
        #expect(throws: ChatTemplateError.outputTooLarge(limit: 7, line: 1)) {
            try template.render(context: [:], limits: RenderLimits(outputBytes: 7))
        }
    }
}
