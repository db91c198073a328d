"""Random small templates: valid in grammar, not always in meaning."""

import random

NAMES = ["a", "b", "f", "t", "n", "s", "e", "u", "q", "l", "m", "d", "p", "w", "zz", "x", "ns", "loop.index"]
ATTRIBUTES = ["k", "v", "items", "n", "g", "i", "x", "index", "index0", "first", "last", "length", "previtem", "keys"]
LITERALS = [
    "0", "1", "2", "-3", "7", "1.5", "0.1", "2e3", "true", "false", "none", "''", "'a'", "'Hi there'", "\"b\\n\"",
    "'é🙂'", "[]", "[1, 2]", "['b', 'a', 'C']", "{}", "{'k': 1}", "(1, 2)", "'%s'", "' , '", "'l'", "range(4)",
]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "join", "join(', ')", "sort",
    "reverse", "unique", "tojson", "string", "int", "float", "abs", "round", "round(1)", "min", "max", "sum", "items",
    "dictsort", "indent", "e", "safe", "default('D')", "default('D', true)", "replace('l', 'L')", "wordcount",
    "map('upper')", "map(attribute='n')", "select", "select('odd')", "reject('string')", "selectattr('n')",
    "selectattr('g', 'equalto', 'x')", "rejectattr('i')", "batch(2)", "groupby('g')", "tojson(indent=2)", "count",
    "sort(reverse=true)", "center(12)", "truncate(8)", "slice(2)", "list", "list", "string", "urlencode", "d(1)",
]
TESTS = [
    "defined", "undefined", "none", "string", "mapping", "iterable", "number", "integer", "float", "boolean", "true",
    "false", "sequence", "callable", "in [1, 'a']", "eq 1", "ne 'a'", "lt 3", "gt(1)", "odd", "even", "divisibleby 2",
    "upper", "lower", "sameas none", "not defined", "not string", "not none",
]
METHODS = [
    "strip()", "lstrip()", "rstrip()", "split()", "split('l')", "split(',', 1)", "rsplit(' ', 1)", "upper()", "lower()",
    "title()", "capitalize()", "startswith('H')", "endswith('d')", "replace('l', '_')", "find('o')", "rfind('l')",
    "count('l')", "splitlines()", "join(['x', 'y'])", "format(1, 2)", "zfill(4)", "isdigit()", "isalpha()", "items()",
    "keys()", "values()", "get('k')", "get('q', 'std')", "index('l')", "strip('Hd')", "swapcase()", "partition(' ')",
    "count(1)", "index(1)", "isupper()", "center(9, '.')", "removeprefix('He')", "append(1)", "islower()",
]
SLICES = [":2", "1:", "::-1", ":-1", "-2:", "::2", "1:3", "3:0:-1", ":", "none:1"]
KEYS = ["0", "-1", "1", "'k'", "'n'", "'v'", "9", "1.0", "none", "true", "'items'"]
TEXTS = ["a", " ", "\n", "\n\n", "  ", "\t", " x ", "text\n", "\n  ", "é", "{", "}", "%", " \n ", "-", "line\n  "]


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, share):
        return self.random.random() < share

    def expression(self, depth):
        if depth <= 0 or self.chance(0.15):
            return self.pick(NAMES) if self.chance(0.6) else self.pick(LITERALS)
        inner = lambda: self.expression(depth - 1)
        kind = self.random.randrange(16)
        if kind < 3:
            return f"{inner()} | {self.pick(FILTERS)}"
        if kind < 5:
            return f"{inner()} {self.pick(BINARY)} {inner()}"
        if kind == 5:
            return f"({inner()} {self.pick(BINARY)} {inner()})"
        if kind == 6:
            return f"{inner()} is {self.pick(TESTS)}"
        if kind == 7:
            return f"{self.subject(depth)}.{self.pick(METHODS)}"
        if kind == 8:
            return f"{self.subject(depth)}.{self.pick(ATTRIBUTES)}"
        if kind == 9:
            return f"{self.subject(depth)}[{self.pick(KEYS)}]"
        if kind == 10:
            # jinja2 folds constants, and a slice of one that has none is undefined there, an error elsewhere.
            return f"{self.pick(NAMES)}[{self.pick(SLICES)}]"
        if kind == 11:
            return f"{inner()} if {inner()}" + (f" else {inner()}" if self.chance(0.7) else "")
        if kind == 12:
            return self.pick(["not ", "-", "+"]) + inner()
        if kind == 13:
            return f"[{inner()}, {inner()}]"
        if kind == 14:
            return f"{{'k': {inner()}, {self.pick(LITERALS[:16])}: {inner()}}}"
        return f"{inner()} {self.pick(BINARY[6:15])} {inner()} {self.pick(BINARY[6:15])} {inner()}"

    def subject(self, depth):
        return self.pick(NAMES) if self.chance(0.7) else f"({self.expression(depth - 1)})"

    def tag(self, body):
        left = self.pick(["{%", "{%", "{%-", "{%+"])
        right = self.pick(["%}", "%}", "-%}", "+%}"])
        return f"{left} {body} {right}"

    def statement(self, depth):
        inner = lambda: self.body(depth - 1)
        kind = self.random.randrange(20 if depth > 0 else 10)
        if kind < 4:
            return self.pick(TEXTS)
        if kind < 8:
            return f"{self.pick(['{{', '{{', '{{-'])} {self.expression(3)} {self.pick(['}}', '}}', '-}}'])}"
        if kind == 8:
            return self.tag(f"set {self.pick(['x', 'y', 'l'])} = {self.expression(2)}")
        if kind == 9:
            return self.pick(["{# note #}", "{#- note -#}", "{# \n #}", "{% raw %} {{ x }}\n{% endraw %}"])
        if kind < 13:
            otherwise = self.tag("else") + inner() if self.chance(0.4) else ""
            branch = self.tag(f"elif {self.expression(2)}") + inner() if self.chance(0.2) else ""
            return self.tag(f"if {self.expression(2)}") + inner() + branch + otherwise + self.tag("endif")
        if kind < 17:
            target = self.pick(["x", "x", "k, v"])
            source = self.pick(["l", "p", "range(3)", "d.items()", "d | items", "m", "s.split()", self.expression(2)])
            test = f" if {self.expression(2)}" if self.chance(0.2) else ""
            leave = ""
            if self.chance(0.2):
                word = self.pick(["break", "continue"])
                leave = self.tag(f"if {self.expression(2)}") + self.tag(word) + self.tag("endif")
            otherwise = self.tag("else") + inner() if self.chance(0.2) else ""
            head = self.tag(f"for {target} in {source}{test}")
            return head + inner() + leave + inner() + otherwise + self.tag("endfor")
        if kind == 17:
            return self.tag("set ns = namespace(x=1)") + inner() + self.tag(f"set ns.x = {self.expression(2)}") + inner()
        if kind == 18:
            call = self.pick(["mac(1)", "mac(l, y=2)", "mac(s) ~ mac(1, 2)", "mac()"])
            return self.tag("macro mac(x, y='Y')") + inner() + self.tag("endmacro") + "{{ " + call + " }}"
        name = self.pick(["set x", "filter upper", "with x = 1", "generation", "filter trim"])
        return self.tag(name) + inner() + self.tag("end" + name.split()[0])

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.random.randrange(1, 4)))


def templates(seed, count, fails):
    """As many templates of up to 400 characters, at most a quarter of which fail."""
    writer = Writer(seed)
    made = failed = 0
    while made < count:
        template = writer.body(2)
        if len(template) > 400:
            continue
        if fails(template):
            if failed >= count // 4:
                continue
            failed += 1
        made += 1
        yield template
