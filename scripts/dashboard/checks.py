"""Looks at the dashboard's page as a browser has drawn it: `chromium --dump-dom`.

    python3 scripts/dashboard/checks.py open|locked DOM
"""

import html.parser
import pathlib
import re
import sys

VOID = {"br", "img", "input", "link", "meta"}


class Page(html.parser.HTMLParser):
    """Texts by the id of the element that holds them, and the ids of what is hidden."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.hidden = [], {}, set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "hidden" in attributes:
            self.hidden.add(attributes.get("id"))
        if tag not in VOID:
            self.open.append((tag, attributes.get("id")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for tag, name in self.open:
            if name and self.open[-1][0] not in ("script", "style"):
                self.texts[name] = self.texts.get(name, "") + data + " "

    def text(self, name):
        return re.sub(r"\s+", " ", self.texts.get(name, "")).strip()


def open_page(page):
    """What a reader must find while, or shortly after, the server worked."""
    yield "it is live", page.text("status").startswith("Live")
    yield "it names the model", page.text("model") == "punica-demo"
    yield "it counts places", bool(re.search(r"Running \d+ / \d+ ", page.text("running")))
    yield "requests ended", bool(re.search(r"[1-9][\d,]* requests? ended", page.text("queued")))
    yield "tokens flowed", bool(re.search(r"peak [1-9]", page.text("tokens")))
    yield "first tokens were timed", bool(re.search(r"p50 p95 [\d.]+ m?s · p99 [\d.]+ m?s", page.text("firstToken")))
    yield "tokens were timed", bool(re.search(r"p50 p95 [\d.]+ m?s · p99 [\d.]+ m?s", page.text("interToken")))
    yield "memory is shown", bool(re.search(r"\d+ %", page.text("blocks")))
    yield "the runner is shown", "CPU" in page.text("strips") and page.text("runnerTitle") == "CPU"
    yield "its blocks are shown", bool(re.search(r"free: [\d,]+ blocks", page.text("runnerKeys")))
    yield "adapters are shown", all(name in page.text("adapters") for name in ("pirate", "spanish", "in memory"))
    yield "nothing is refused", {"notice", "keyForm"} <= page.hidden


def locked_page(page):
    """What a reader without the key must find, and must not."""
    yield "it asks for the key", "keyForm" not in page.hidden and "admin key" in page.text("keyForm")
    yield "it says what it waits for", page.text("status") == "Waiting for the admin key"
    yield "it shows nothing else", "main" in page.hidden and not page.text("adapters") and not page.text("model")


def main():
    kind, path = sys.argv[1:]
    page = Page(pathlib.Path(path).read_text())
    failed = 0
    for name, holds in {"open": open_page, "locked": locked_page}[kind](page):
        print("ok   " if holds else "FAIL ", name)
        failed += not holds
    if failed:
        print({name: page.text(name) for name in page.texts if name not in ("main", "strips")})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
