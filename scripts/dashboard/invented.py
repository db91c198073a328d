"""Serves the dashboard's page with made-up state, for looking at what one machine cannot show.

    python3 scripts/dashboard/invented.py [--port 18480] [--runners 16] [--hostile] [--unreachable]

The load rises and falls as in the paper's cluster experiment; requests go to the highest runner that has room, and
consolidation moves them. `--hostile` gives adapters names that are markup; `--unreachable` says that the scheduler is.
"""

import argparse
import http.server
import json
import math
import pathlib
import random
import re
import time
import urllib.parse
import uuid

TARGET = pathlib.Path(__file__).resolve().parents[2] / "Sources" / "DashboardFiles"
HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>document.title='owned'</script>", "‮gnp.evil", "a" * 199 + "…"]


def page():
    """The page as the server makes it, but for its headers."""
    paths = re.findall(r'"(web/[^"]+)"', (TARGET / "Sources.c").read_text())

    def text(suffix):
        return "".join((TARGET / path).read_text() for path in paths if path.endswith(suffix))

    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>Punica</title><style>{text(".css")}</style></head>'
        f'<body>{text(".html")}<script>{text(".js")}</script></body></html>'
    )


class Invention:
    """A cluster that exists in numbers only; one call of `step` is one second."""

    max_batch = 32

    def __init__(self, options):
        self.random = random.Random(7)
        self.options = options
        self.ids = [str(uuid.UUID(int=self.random.getrandbits(128))) for _ in range(options.runners)]
        names = ["pirate", "spanish", "legal-summary", "acme/support-v7", "sql", "haiku", "triage", "contracts-de"]
        self.adapters = (HOSTILE if options.hostile else []) + names + [f"tenant-{n:03}" for n in range(240)]
        self.batches = [0] * options.runners
        self.states = ["active"] * options.runners
        self.events, self.samples, self.finished, self.steps = [], [], 0, 0
        end = time.time()
        for second in range(-600, 0):
            self.step(end + second)

    def step(self, now):
        capacity = self.options.runners * self.max_batch
        self.steps += 1
        # A wave of twelve minutes.
        load = 0.06 + 0.78 * math.sin(math.pi * self.steps / 720) ** 2
        wanted = int(capacity * load + self.random.gauss(0, self.max_batch / 8))
        if self.options.runners > 4:
            self.change(now)
        places = [index for index, state in enumerate(self.states) if state == "active"]
        running, left = sum(self.batches), max(0, wanted)
        for index in range(self.options.runners):
            share = min(self.max_batch, left) if index in places else 0
            share -= self.random.randint(0, 2) if share == self.max_batch and self.random.random() < 0.3 else 0
            self.batches[index] = max(0, share)
            left -= share
        if sum(self.batches) < running and self.random.random() < 0.12:
            source = max((i for i in places if self.batches[i]), default=None)
            if source:
                self.event(now, "migrated", source, self.random.randrange(source), "Request moved so that its runner drains")
        self.finished += len(self.batches) // 2 + sum(self.batches) // 30
        self.samples.append((now, max(0, left), list(self.batches), 16.5 * sum(self.batches)))
        self.samples = self.samples[-600:]

    def change(self, now):
        last = len(self.states) - 1
        if self.steps == 200:
            self.states[2] = "lost"
            self.event(now, "lost", 2, None, "Connection gone; 32 requests go on elsewhere")
            for target in (0, 1, 3, 4):
                self.event(now + 0.4, "resumed", 2, target, "8 requests resumed after their runner was lost")
        if self.steps == 260:
            self.states[2] = "active"
            self.event(now, "joined", 2, None, "Runner registered again with 2048 blocks")
        if self.steps == 520:
            self.states[last] = "draining"
            self.event(now, "draining", last, None, "Idle for 120 s; given back when empty")

    def event(self, now, kind, runner, target, text):
        name = f"gpu-{len(self.ids) - 1 - runner:02}" + (f" → gpu-{len(self.ids) - 1 - target:02}" if target is not None else "")
        self.events.append({
            "time": now, "kind": kind, "runner": self.ids[runner],
            "target": None if target is None else self.ids[target], "text": f"{name}: {text}",
        })

    def runner(self, index):
        batch = self.batches[index]
        held = [self.adapters[min(int(self.random.paretovariate(0.8)) - 1, len(self.adapters) - 1)] for _ in range(batch)]
        shown = sorted(set(held)) or []
        idle = self.adapters[index * 3:index * 3 + 4]
        return {
            "id": self.ids[index], "name": f"gpu-{len(self.ids) - 1 - index:02}", "state": self.states[index], "batch": batch,
            "maxBatch": self.max_batch, "waiting": 1 if index == 1 else 0, "blockCount": 2048,
            "freeBlocks": 1900 - 52 * batch, "cachedBlocks": 60, "adapterBlocks": 4 * len(shown),
            "tokensPerSecond": 16.5 * batch, "stepSeconds": (0.031 + 0.0009 * batch) if batch else 0.0,
            "adapters": {"more": 0, "items": [
                {"digest": f"{abs(hash(n)) % 16**12:012x}", "name": n, "tier": "device", "requests": held.count(n)} for n in shown
            ] + [
                {"digest": f"{abs(hash(n)) % 16**12:012x}", "name": n, "tier": "host", "requests": 0} for n in idle if n not in shown
            ]},
        }

    def state(self, after):
        self.random.seed(int(time.time()))
        now, queued, batches, tokens = self.samples[-1]
        shown = [sample for sample in self.samples if after is None or sample[0] > after]
        wait = 0.12 + 0.0006 * sum(batches) + 0.01 * queued
        latency = {"p50": wait, "p95": 2.7 * wait, "p99": 5.5 * wait}
        snapshot = {
            "time": now, "model": "llama-2-7b", "unreachableSince": now - 42 if self.options.unreachable else None,
            "queued": queued, "running": sum(batches), "capacity": self.max_batch * self.states.count("active"),
            "finished": self.finished, "tokensPerSecond": tokens, "firstToken": latency,
            "interToken": {"p50": 0.041, "p95": 0.058, "p99": 0.093},
            "runners": {"items": [self.runner(i) for i in range(self.options.runners)], "more": 0},
            "events": {"items": self.events[-100:], "more": max(0, len(self.events) - 100)},
        }
        history = {
            "times": [s[0] for s in shown], "queued": [s[1] for s in shown], "running": [sum(s[2]) for s in shown],
            "tokensPerSecond": [s[3] for s in shown], "firstToken": [0.33 + 0.0016 * sum(s[2]) + 0.027 * s[1] for s in shown],
            "interToken": [0.04 + 0.00005 * sum(s[2]) for s in shown],
            "runners": [
                {"id": self.ids[i], "name": f"gpu-{len(self.ids) - 1 - i:02}", "maxBatch": self.max_batch, "batches": [s[2][i] for s in shown]}
                for i in range(self.options.runners)
            ],
        }
        return {"snapshot": snapshot, "history": history}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=18480)
    parser.add_argument("--runners", type=int, default=16)
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--unreachable", action="store_true")
    options = parser.parse_args()
    invention = Invention(options)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlparse(self.path)
            if url.path == "/dashboard":
                return self.answer("text/html; charset=utf-8", page())
            if url.path == "/dashboard/state":
                while time.time() - invention.samples[-1][0] > 1:
                    invention.step(invention.samples[-1][0] + 1)
                after = urllib.parse.parse_qs(url.query).get("after")
                return self.answer("application/json", json.dumps(invention.state(float(after[0]) if after else None)))
            self.send_error(404)

        def answer(self, kind, text):
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    print(f"http://127.0.0.1:{options.port}/dashboard", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
