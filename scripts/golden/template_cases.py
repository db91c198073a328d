"""Small templates, one construct each."""

CONTEXT = {
    "a": 1, "b": -7, "f": 2.5, "t": True, "n": None, "s": "Hello, World", "e": "", "u": "héllo ẞ ﬁ ΑΣ Σ 日本 🙂e\u0301",
    "q": "it's \"so\" \\ \n\t\x1b\u200b", "l": [3, 1, 2], "m": [[1, "x"], [2, "y"]], "d": {"k": 1, "v": [1, 2], "items": "own"},
    "p": [{"n": "Bo", "g": "x", "i": {"j": 2}}, {"n": "al", "g": "y"}, {"n": "Cy", "g": "X"}], "w": "  \n pad \t ",
}

EXPRESSIONS = r"""
a + b
a - b
b // 2
b % 3
b / 2
7 // -2
7 % -3
-7 % 3
7.5 // 2
-7.5 % 2
-7.5 // 2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
1e5
1e16
1e15
123456789012345680.0
1.5e-5
0.0001
0.1 + 0.2
1e22
1e400
-1e400
1_000_000
0x1F + 0b11 + 0o17
1.0
100.0 / 3
10 / 5
a / 0
a // 0
1.5 % 0
9223372036854775807 + 0
true + true
not a
not not e
n is none and n == none
a == 1.0
a == true
'1' == 1
a < f < 3
1 < 2 > 1 != 5
a in l
4 not in l
'ell' in s
'k' in d
1 in s
a in a
'x' in undefined_name
[1, 2] == (1, 2)
[1, [2]] == [1, [2]]
{'a': 1} == {'a': 1.0}
[1, 2] < [1, 3]
(1, 'a') < (1, 'b')
'a' < 'B'
1 < 'a'
n < 1
e or 'alt'
s and a
n or e or 0
a if t
a if not t
(a if not t) is undefined
'y' if a else 'n'
1 if a else 2 if b else 3
a ~ b ~ n ~ t ~ f ~ l
s + a
s + n
s * 2
2 * 'ab'
l * 2
s * -1
'a' 'b' "c"
l + [4]
(1,) + (2, 3)
l + (1,)
[]
()
(1,)
{}
{'a': [1, {'b': none}], 1: 'x', true: 2.0}
[t, n, f, s, q]
q
[q, u]
u
1, 2
l[0]
l[-1]
l[9]
l[9] is undefined
l['x']
l.0
m[1][1]
s[0]
s[-1]
s[1:4]
s[::-1]
s[-5:]
s[:-1:2]
s[10:2:-3]
s[100:]
s[:-100]
l[1:][0]
l[::0]
l[:none]
l['a':]
n[1:]
d['k']
d.k
d.items
d.items()
d['items']
d.get('k')
d.get('zz')
d.get('zz', 'std')
d.keys() | list
d.values() | list
d.keys()
d.zz
d.zz.yy
d['zz']['yy']
undefined_name
undefined_name.x
undefined_name['x']
undefined_name()
undefined_name + 1
undefined_name == other_name
undefined_name | length
undefined_name | upper
undefined_name ~ 'x'
[undefined_name]
undefined_name | tojson
undefined_name | int
-undefined_name
undefined_name < 1
l.append(1)
d.update({})
d.pop('k')
s.__class__
s.__class__.__mro__
l.append
l.foo
a.real
s.nothing
s.upper()
s.lower()
u.upper()
u.lower()
u.title()
u.capitalize()
u | title
u | capitalize
u | length
u[1]
u[::-1]
s | title
'it\'s o"k-a [b' | title
"it's o-k" .title()
w.strip() ~ '|'
w.lstrip() ~ '|'
w.rstrip() ~ '|'
'xxaxx'.strip('x')
'abcab'.lstrip('ab')
s.split()
s.split(',')
s.split(', ')[1]
'a,b,c'.split(',', 1)
'a,b,c'.rsplit(',', 1)
' a  b c '.split(none, 1)
' a  b c '.rsplit(none, 1)
'a'.split('')
'a\nb\r\nc\n'.splitlines()
'a\nb\n'.splitlines(true)
s.replace('l', 'L')
s.replace('l', 'L', 1)
'abc'.replace('', '-')
s.startswith('He')
s.startswith(('x', 'He'))
s.endswith('d')
s.startswith('l', 2)
s.find('o')
s.find('zz')
s.rfind('o')
s.index('zz')
s.count('l')
'aaa'.count('')
'-'.join(['a', 'b'])
'-'.join([1])
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'12'.zfill(5) ~ '-12'.zfill(5)
'ab'.center(7, '*')
'ab'.ljust(4) ~ '|' ~ 'ab'.rjust(4)
'a1'.isalnum() ~ 'a'.isalpha() ~ '1'.isdigit() ~ ' '.isspace()
'aB'.swapcase()
'test.py'.removesuffix('.py')
'{} {}'.format(1, 'x')
'{1} {0!r} {x:>5}|{y:.2f}'.format('a', 2, x='b', y=1.005)
'{:05d} {:+} {:x} {:,}'.format(42, 3, 255, 1234567)
'%s %r %d %5.2f %%' % ('a', 'b', 3.9, 2.345)
'%s' % n
'%05d|%-5s|%x' | format(42, 'ab', 255)
'%d' % 'x'
'%s %s' % 'a'
'%(a)s' % {'a': 1}
s.nope()
s()
5()
l.index(1)
l.count(3)
l.index(9)
s | trim('H')
w | trim ~ '|'
s | upper | lower
a | upper
n | upper
s | replace('o', '0')
s | replace('o', '0', 1)
l | join
l | join(', ')
p | join(', ', attribute='n')
s | length
a | length
l | first
e | first
l | last
[] | last
l | sort
l | sort(reverse=true)
['b', 'A', 'c'] | sort
['b', 'A', 'c'] | sort(case_sensitive=true)
[1, 'a'] | sort
p | sort(attribute='n') | map(attribute='n') | list
p | sort(attribute='g,n') | map(attribute='n') | list
l | min ~ l | max
[] | min
['b', 'A'] | max
l | sum
p | sum(attribute='i.j')
[[1], [2]] | sum(start=[])
['a'] | sum
l | reverse | list
s | reverse
l | list
s | list
d | list
a | list
p | map(attribute='n') | join(' ')
p | map(attribute='zz', default='?') | list
l | map('string') | list
['a', 'b'] | map('upper') | join
['a b', 'c'] | map('replace', 'a', 'x') | list
l | map('nofilter') | list
l | select('odd') | list
l | reject('odd') | list
[0, 1, n, ''] | select | list
p | selectattr('g', 'equalto', 'x') | map(attribute='n') | list
p | rejectattr('g', 'in', ['x', 'X']) | map(attribute='n') | list
p | selectattr('i') | list | length
p | selectattr('i', 'defined') | list | count
(p | selectattr('g', 'equalto', 'nope')) and 'always true'
p | selectattr('g') | length
n | map('upper') | list
a | select | list
zz | default('std')
n | default('std')
e | default('std', true)
e | d('std', boolean=true)
d | tojson
q | tojson
u | tojson
u | tojson(ensure_ascii=true)
{'b': 1, 'a': [1, {'c': []}, {}]} | tojson(indent=2)
{'b': 1, 'a': 2} | tojson(sort_keys=true)
{'b': [1, 2]} | tojson(separators=(',', ':'))
[1.0, 1e20, 1e-7, true, none, '</script>'] | tojson
{1: 2, none: 3, true: 4, 1.5: 5} | tojson
(1, 2) | tojson
{(1, 2): 1} | tojson
range(2) | tojson
'42' | int ~ '4.9' | int ~ 'x' | int ~ 'x' | int(7) ~ ' 1_0 ' | int ~ '0x1f' | int(base=16) ~ f | int
n | int
'1e3' | float ~ 'x' | float ~ 'x' | float(1.5) ~ ' .5 ' | float ~ 3 | float
42.55 | round ~ 42.55 | round(1) ~ 2.5 | round ~ 3.5 | round ~ -2.5 | round ~ 7 | round
42.55 | round(1, 'floor') ~ 42.1 | round(method='ceil') ~ 1234 | round(-2) ~ 1250 | round(-2)
1e300 | round(2) ~ 0.5 | round(-1) ~ 155.0 | round(-1)
b | abs ~ -2.5 | abs ~ true | abs
'x' | abs
a | string ~ '1'
[1, 1.0, true, 'a', 'A'] | unique | list
[[1]] | unique | list
d | items | list
d | dictsort
{'b': 1, 'A': 2} | dictsort(by='value', reverse=true)
{'b': 1, 'A': 2} | dictsort(case_sensitive=true)
s | items | list
'a\n\nb' | indent
'a\n\nb' | indent(2, true, true)
'a\nb' | indent('> ')
'<a href="x">&\'' | e
'<b>' | safe ~ '<'
('<b>' | safe) + '<'
'<' | e | e | length
'<' | escape | string
[('<' | e)]
l | batch(2) | list
l | batch(2, 'x') | list
range(7) | slice(3) | list
p | groupby('g') | map(attribute='grouper') | list
p | groupby('g') | map('first') | list
(p | groupby('g'))[0].list | length
'one two, three_4 é' | wordcount
'abc' | center(9) ~ '|'
'hello big world' | truncate(12, leeway=0)
'a b/c?é&' | urlencode
{'a b': 'c/d'} | urlencode
{'a': 1, 'b': none} | xmlattr
1234567 | filesizeformat
p[0] | attr('n')
s | nofilter
s is nofilter
a is defined ~ zz is defined ~ zz is undefined ~ zz is not defined
n is none ~ n is not none
s is string ~ s is iterable ~ s is sequence ~ s is mapping
d is mapping ~ d is iterable ~ d is sequence ~ l is sequence ~ l is mapping
a is number ~ a is integer ~ a is float ~ t is integer ~ t is number ~ t is boolean ~ f is float
t is true ~ t is false ~ a is true ~ n is false
range is callable ~ s is callable
a is odd ~ b is even ~ 9 is divisibleby 3 ~ 9 is divisibleby(4)
a is eq 1 ~ a is equalto(2) ~ a is ne 1 ~ a is lt 2 ~ a is gt 2 ~ a is ge 1 ~ a is le 0 ~ a is in [1]
'abc' is lower ~ 'ABC' is upper ~ 'aB' is lower ~ '1' is upper
n is sameas none ~ t is sameas true ~ a is sameas 1.0
'upper' is filter ~ 'nope' is filter ~ 'odd' is test
a is not odd and not a is even
s is string and s | length > 3
not s is string
a is odd is even
range(5) | list
range(2, 10, 3) | list
range(5, 0, -2) | list
range(3)
range(1, 7, 2)
range(3)[1] ~ range(9)[2:5]
range(100001)
range(0)
range(1, 2, 0)
range('a')
4 in range(5)
dict(a=1, b=2)
dict([('a', 1)], c=3)
dict({'a': 1}, **{'b': 2})
namespace(a=1)
namespace(a=1).a
namespace(a=1).b is defined
joiner is defined
strftime_now('%d %b %Y|%B %A %j|%H:%M:%S %I%p|%y %-d %e %%')
raise_exception('stop ' ~ a)
raise_exception(n)
raise_exception()
"\x41\u00e9\n\t\\\'\"\101\q"
'tab	and é \é'
'}}' ~ "{%" ~ '#}'
{'a': {'b': '}}'}}['a']['b']
(1 + 2) * 3 ~ (l)[0]
l|length + 1
l | length * 2
-l | length
- a | abs
a.b.c
a['b']
d.v.0
d.v[d.k]
'a' is in 'abc'
[1, 2,]
{'a': 1,}
(1, 2,)
{[1]: 2}
{'a': 1}[[1]]
'é' < 'z'
'e\u0301' == 'é'
"e\u0301" | length
""".strip("\n").split("\n")

STATEMENTS = [
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.previtem is defined }}{{ loop.cycle('a', 'b') }}{{ loop.changed(x // 2) }}{{ loop.depth }};{% endfor %}",
    "{% for x in [] %}x{% else %}none{% endfor %}",
    "{% for x in zz %}x{% else %}none{% endfor %}",
    "{% for x in n %}x{% endfor %}",
    "{% for x in a %}x{% endfor %}",
    "{% for x in 'añ🙂' %}[{{ x }}]{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d | items %}{{ k }}={{ v }}{{ loop.last }};{% endfor %}",
    "{% for x, y in m %}{{ x }}{{ y }}{% endfor %}",
    "{% for (x, y), z in [((1, 2), 3)] %}{{ x }}{{ y }}{{ z }}{% endfor %}",
    "{% for x, y in [[1]] %}{{ x }}{% endfor %}",
    "{% for x, y in [[1, 2, 3]] %}{{ x }}{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% else %}no{% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}no{% endfor %}",
    "{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% for x in l recursive %}{{ x }}{% endfor %}",
    "{% for x in [[1, [2]], 3] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% for x in l %}{{ loop(x) }}{% endfor %}",
    "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{% if y == x %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{{ loop.index }}|{% endfor %}",
    "{% break %}",
    "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=0, y=[]) %}{% for i in l %}{% set ns.x = ns.x + i %}{% set ns.y = ns.y + [i] %}{% endfor %}{{ ns.x }}{{ ns.y }}{{ ns }}",
    "{% set d.k = 2 %}",
    "{% set zz.k = 2 %}",
    "{% set x, y = 1, 2 %}{{ x }}{{ y }}",
    "{% set x = 1, 2 %}{{ x }}",
    "{% set ns = namespace() %}{% set ns.a, b = 1, 2 %}{{ ns.a }}{{ b }}",
    "{% set x %}a{{ l }}b{% endset %}[{{ x }}]{{ x is string }}",
    "{% set x | upper | trim %} ab {% endset %}[{{ x }}]",
    "{% if zz %}1{% elif e %}2{% elif a %}3{% else %}4{% endif %}",
    "{% if a %}{% set x = 1 %}{% endif %}{{ x }}",
    "{% if not a %}{% set x = 1 %}{% endif %}{{ x is defined }}",
    "{% if a == 1, %}tuple{% endif %}",
    "{% if x is defined and x.y.z %}1{% else %}2{% endif %}",
    "{% macro m(x, y=2, z=x) %}{{ x }}{{ y }}{{ z }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, z=5) }}{{ m() }}{{ m(y=1, x=0) }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(q=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}",
    "{% macro m(x) %}{{ caller(x) }}{% endmacro %}{% call(y) m(5) %}<{{ y }}>{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}",
    "{% call 5 %}{% endcall %}",
    "{% macro m() %}{{ v }}{% endmacro %}{% set v = 3 %}{{ m() }}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro m(x=[]) %}{{ x }}{% endmacro %}{{ m }}{{ m.name }}{{ m.arguments }}",
    "{% macro m() %}a{% set v = 9 %}{% endmacro %}{{ m() }}{{ v is defined }}",
    "{{ m(1) }}{% macro m(x) %}{{ x }}{% endmacro %}",
    "{% macro m(a, a2=1, b) %}{% endmacro %}",
    "{% filter upper %}ab{{ s }}{% endfilter %}",
    "{% filter replace('a', 'b') | indent(2, true) %}a\na{% endfilter %}",
    "{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}{{ x is defined }}",
    "{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x is defined }}",
    "{% set x = 5 %}{% with x = 1, y = x %}{{ x }}{{ y }}{% endwith %}",
    "{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x is defined }}",
    "{% for i in l %}{% generation %}{{ loop.index }}{% endgeneration %}{% endfor %}",
    "{% print 1, 'x' %}",
    "{% raw %}{{ a }} {% if %}{# #}{% endraw %}",
    "a\n{% raw %}\n  {{ x }}\n{% endraw %}\nb",
    "a  {%- raw -%}  {{ x }}  {%- endraw -%}  b",
    "{% raw %}",
    "{% set j = joiner('|') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
    "{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}",
    "{% set g = l | map('string') %}{{ g | list }}{{ g | list }}{{ g | first is defined }}",
    "{% set g = l | select %}{% for x in g %}{{ x }}{{ loop.length }}{% endfor %}{{ 3 in g }}",
    "{% set x = [1] %}{% set y = x + [2] %}{{ x }}{{ y }}",
    "{{ loop }}",
    "{% set loop = 3 %}{{ loop }}",
    "{% for loop in l %}{% endfor %}",
    "{% for x in l %}{% endfor %}{{ x is defined }}",
    "{% do l.append(1) %}",
    "{% endfor %}",
    "{% if a %}",
    "{% for x in l %}{% endif %}",
    "{{ a",
    "{{ a }",
    "{{ }}",
    "{{ (a }}",
    "{{ a) }}",
    "{{ a ] }}",
    "{% unknown %}",
    "{% %}",
    "{{ 'abc }}",
    "{{ a $ b }}",
    "{{ a b }}",
    "{{ 012 }}",
    "{{ a..b }}",
    "{{ f(a=1, 2) }}",
    "{{ f(**d, *l) }}",
    "{% set true = 1 %}",
    "{% set 1 = 1 %}",
    "{% set a.b.c = 1 %}",
    "\n\n{{ a }}\n{% if %}\n",
    "line\n{{ a }}\n\n{{ b +}}\n",
    "{# unterminated",
    "a{# c #}b{#- d -#}  e",
    "a  {#-#}  b",
    "a\n  {# c #}\nb\n",
    "{{ 1 }}\n",
    "{{ 1 }}\n\n",
    "a\r\nb\rc\r\n",
    "a\n{% if a %}\nb\n{% endif %}\nc",
    "a\n  {% if a %}\n    b\n  {% endif %}\n  c",
    "a\n  {%+ if a %}\n    b\n  {%+ endif +%}\n  c",
    "a\n  {%- if a -%}\n    b\n  {%- endif -%}\n  c",
    "a\n  {% if a +%}\n  b{% endif %}  \nc",
    "a \n\t {{- a -}} \n b",
    "  {{ a }}  \n  {{- b }}\n",
    "  {% set x = 1 %}  \n{{ x }}",
    "x {% set y = 1 %}\n z",
    "\u3000{%- if a %}\u00a0{%- endif -%}\u2003|",
    "   {% if a %}{% endif %}   {% if a %}x{% endif %}",
    "{% if a %}\n\n  two\n{% endif %}\n",
    "{%if a%}x{%endif%}{{a}}{{-b-}}",
    "{% if a -%}\n x {%- else -%} y {% endif %}",
    "{{\n  a\n  +\n  1\n}}",
    "{%- for x in l %}\n{{ x }}\n{%- endfor %}",
    "{% for x in l -%}\n  {{ x }},\n{%- endfor %}\nend",
    "{ { a } } {a} #} %} }}",
    "{{ '{{' }}{{ \"%}\" }}",
    "é{{ u }}日本\n{% if u %}🙂{% endif %}",
    "{{ a }}{# {{ b }} #}{{ a }}",
    "{% set x = 1 -%}\n\n{{ x }}",
    "{{- a }}   {{ a -}}   x",
    "{% set a = {'x': {'y': [1, 2, {'z': 'deep'}]}} %}{{ a.x.y[2].z }}{{ a['x']['y'][0] }}",
    "{% set messages = [{'role': 'a'}] + [{'role': 'b'}] %}{{ messages[-1].role }}{{ messages | map(attribute='role') | list }}",
    "{% set x = namespace(**d) %}{{ x.k }}",
    "{% if 'tool' in {'tool': 1} and ('a' ~ 'b') in ['ab'] %}y{% endif %}",
    "{% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}{% for x in (1, 2) %}{{ x }}{% endfor %}",
    "{% for x in range(3) %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in l | sort %}{{ loop.index0 if loop.first else '' }}{{ x }}{% endfor %}",
    "{% set s2 = s | upper if s is string else none %}{{ s2 }}",
    "{{ s[:5] | upper ~ s[5:] | lower }}",
    "{{ (s | upper)[0] ~ (l | sort)[0] ~ (l | first) }}",
    "{{ messages | default([]) | length }}",
    "{{ {'a': 1}.get('a') + {'b': 2}['b'] }}{{ [1, 2, 3][1:] }}{{ 'abc'.upper()[1] }}",
]


def cases():
    for expression in EXPRESSIONS:
        yield "{{ " + expression + " }}"
    yield from STATEMENTS
