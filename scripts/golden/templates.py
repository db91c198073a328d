"""Writes what Python's jinja2 makes of chat templates, set up as transformers sets it up.

    pip install jinja2==3.1.6 && python scripts/golden/templates.py

Files in Tests/Golden/templates: models.json (whole chat templates with conversations), cases.json (one construct each),
fuzz.json (random templates of a small grammar, fixed seed). A file is {"templates": name -> source, "contexts": name ->
variables, "cases": [...]}; a case names its context, names or is its template, and has either "output" or "error": a
kind, with "message" for raise_exception and "line" for syntax errors.
"""

import argparse
import copy
import json
import os
import platform
import warnings
from datetime import datetime

import jinja2
import template_cases
import template_fuzz
import template_models
from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateRuntimeError, TemplateSyntaxError, UndefinedError
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

warnings.simplefilter("ignore", SyntaxWarning)  # Python's compiler on random templates

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "..", "Tests", "Golden", "templates")
CLOCK = datetime(2024, 7, 9, 5, 4, 3)


UNSTABLE = (" at 0x", "generator", "<function", "<built-in", "<class", "<bound")


class Raised(TemplateError):
    """What raise_exception throws; told apart from jinja2's own errors."""


class GenerationTag(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols]
    )

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise Raised(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = CLOCK.strftime
    del env.globals["lipsum"]
    return env


ENV = environment()


def outcome(template, context):
    try:
        compiled = ENV.from_string(template)
    except TemplateSyntaxError as error:
        return {"error": "syntax", "line": error.lineno}
    except SyntaxError:
        return {"error": "syntax"}
    except RecursionError:
        return {"error": "depth_exceeded"}
    try:
        return {"output": compiled.render(**copy.deepcopy(context))}
    except Raised as error:
        return {"error": "raised", "message": str(error)}
    except SecurityError:
        return {"error": "forbidden"}
    except UndefinedError:
        return {"error": "undefined"}
    except RecursionError:
        return {"error": "depth_exceeded"}
    except Exception:  # whatever Python's operators and functions throw
        return {"error": "evaluation"}


def case(template, context, templates, contexts):
    result = outcome(templates.get(template, template), contexts[context])
    return {"template": template, "context": context, **result}


def write(path, templates, contexts, pairs):
    cases = [case(template, context, templates, contexts) for template, context in pairs]
    # Addresses differ from run to run. (The copy above is for `indent`, which appends to a list it is given.)
    cases = [item for item in cases if not any(mark in item.get("output", "").lower() for mark in UNSTABLE)]
    dump = lambda value: json.dumps(value, ensure_ascii=False)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"templates": {dump(templates)},\n"contexts": {dump(contexts)},\n"cases": [\n')
        file.write(",\n".join(map(dump, cases)) + "\n]}\n")
    failed = sum("error" in item for item in cases)
    print(f"{path}: {len(cases)} cases, {failed} of them errors, {os.path.getsize(path)} bytes")


def fails(template):
    return "error" in outcome(template, template_cases.CONTEXT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz-seed", type=int, default=20240709)
    parser.add_argument("--fuzz-count", type=int, default=400)
    parser.add_argument("--fuzz-file", help="write only random cases, to this file")
    options = parser.parse_args()
    shared = {"shared": template_cases.CONTEXT}
    fuzz = [(t, "shared") for t in template_fuzz.templates(options.fuzz_seed, options.fuzz_count, fails)]
    if options.fuzz_file:
        return write(options.fuzz_file, {}, shared, fuzz)
    models = template_models
    write(os.path.join(FOLDER, "models.json"), models.TEMPLATES, models.CONTEXTS, models.cases())
    write(os.path.join(FOLDER, "cases.json"), {}, shared, [(t, "shared") for t in template_cases.cases()])
    write(os.path.join(FOLDER, "fuzz.json"), {}, shared, fuzz)
    manifest = {
        "script": "scripts/golden/templates.py",
        "command": "python scripts/golden/templates.py",
        "versions": {"python": platform.python_version(), "jinja2": jinja2.__version__},
        "seed": options.fuzz_seed,
        "clock": CLOCK.isoformat(),
        "files": ["models.json", "cases.json", "fuzz.json"],
    }
    with open(os.path.join(FOLDER, "MANIFEST.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
