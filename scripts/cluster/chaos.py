#!/usr/bin/env python3
"""Kills, drains and shuffles a cluster under load, and compares every client's text with an undisturbed run's.

    python3 scripts/cluster/chaos.py --seconds 300 --output chaos.json
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import threading
import time

from cluster import Cluster, Load, complete, percentile

ADAPTERS = ["punica-demo", "pirate", "reverse", "spanish", "json", "shout", "question", "sage"]


def requests(generator):
    """Greedy and sampled requests, for the base and for adapters, short and long."""
    with open("Demo/prompts.json") as file:
        sentences = json.load(file)["show"]
    chosen = []
    for index in range(24):
        request = {
            "model": ADAPTERS[index % len(ADAPTERS)],
            "prompt": generator.choice(sentences),
            "max_tokens": generator.choice([40, 120, 300]),
            "ignore_eos": True,
            # Else a token without text is a pause that nobody made.
            "skip_special_tokens": False,
        }
        if index % 3 == 0:
            request["temperature"] = 0
        else:
            request |= {"temperature": 0.9, "top_p": 0.95, "seed": generator.randrange(1 << 31)}
        if index % 6 == 5:
            request |= {"presence_penalty": 0.5, "repetition_penalty": 1.1}
        chosen.append(request)
    return chosen


class Record:
    def __init__(self, expected):
        self.expected = expected
        self.lock = threading.Lock()
        self.requests = self.tokens = 0
        self.mismatches, self.errors = [], []
        self.gaps = []
        # The longest pause of any stream, and when it began.
        self.longest = (0.0, None)

    def take(self, request, answer):
        key = json.dumps(request)
        with self.lock:
            self.requests += 1
            self.tokens += answer.completion_tokens or 0
            self.gaps += answer.gaps
            for before, gap in zip(answer.times, answer.gaps):
                self.longest = max(self.longest, (gap, before), key=lambda pause: pause[0])
            if answer.error:
                self.errors.append({"request": request, "error": answer.error, "text": answer.text})
            elif answer.outcome != self.expected[key]:
                self.mismatches.append(
                    {"request": request, "expected": self.expected[key], "got": answer.outcome}
                )


class Chaos:
    """One disturbance after another, in random order, always leaving a runner that works."""

    def __init__(self, cluster, generator):
        self.cluster = cluster
        self.generator = generator
        self.counts = {}
        # What was done, and when it began.
        self.log = []

    def choose_runner(self):
        """A runner beside which another is at work."""
        runner = self.generator.choice(self.cluster.runners)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            status = self.cluster.status()
            others = [] if status is None else [
                item for item in status["runners"]["items"] if item["state"] == "active" and item["id"].lower() != runner.id
            ]
            if others:
                return runner
            time.sleep(0.1)
        raise SystemExit("no other runner came back within 30 s")

    def disturb(self):
        action = self.generator.choice(
            [self.kill_runner, self.kill_runner, self.kill_scheduler, self.drain, self.terminate, self.pause]
        )
        self.counts[action.__name__] = self.counts.get(action.__name__, 0) + 1
        self.log.append((time.monotonic(), action.__name__))
        action()

    def rest(self, least, most):
        time.sleep(self.generator.uniform(least, most))

    def kill_runner(self):
        runner = self.choose_runner()
        runner.kill()
        self.rest(0.1, 1.5)
        runner.start()

    def kill_scheduler(self):
        self.cluster.scheduler.kill()
        self.rest(0.1, 1.5)
        self.cluster.scheduler.start()

    def drain(self):
        """By the operator; the runner ends by itself when it is empty."""
        runner = self.choose_runner()
        deadline = time.monotonic() + 10
        # A runner that has just come back, or a scheduler, may not be connected yet.
        while "is draining" not in (self.cluster.operate("drain", runner.id) or ""):
            if time.monotonic() > deadline:
                self.counts["not_there"] = self.counts.get("not_there", 0) + 1
                return
            time.sleep(0.2)
        self.await_end(runner)

    def terminate(self):
        """By SIGTERM, as a pool does it."""
        runner = self.choose_runner()
        runner.signal(signal.SIGTERM)
        self.await_end(runner)

    def await_end(self, runner):
        deadline = time.monotonic() + 20
        while runner.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        if runner.is_running():
            self.counts["not_drained"] = self.counts.get("not_drained", 0) + 1
            runner.kill()
        runner.start()

    def pause(self):
        """A process that hangs: its connections stay open, and nothing comes."""
        runner = self.choose_runner()
        runner.signal(signal.SIGSTOP)
        time.sleep(7)
        runner.signal(signal.SIGCONT)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=".build/release/punica")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--runners", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shuffle", type=int, default=100, help="milliseconds between forced moves; 0: none")
    parser.add_argument("--output", help="a file for the record, JSON")
    return parser.parse_args()


def main():
    options = parse()
    generator = random.Random(options.seed)
    cluster = Cluster(
        options.binary,
        runner_count=options.runners,
        scheduler_arguments=["--consolidation", "2", "--log-level", "info"],
        runner_arguments=["--threads", "1", "--max-sequences", "8", "--kv-cache-bytes", "64MiB"],
    )
    cluster.start()
    try:
        failed = run(options, generator, cluster)
    finally:
        cluster.stop()
    if failed:
        print(f"logs: {cluster.logs}", file=sys.stderr)
        sys.exit(1)


def run(options, generator, cluster):
    specimens = requests(generator)
    expected = {}
    for request in specimens:
        answer = complete(cluster.http_port, request)
        if answer.error:
            raise SystemExit(f"the undisturbed run failed: {answer.error}\n{cluster.frontend.tail()}")
        expected[json.dumps(request)] = answer.outcome
    quiet = Record(expected)
    load = Load(cluster.http_port, lambda: generator.choice(specimens), quiet.take)
    load.set_clients(options.clients)
    time.sleep(min(10, options.seconds / 4))
    assert load.finish(), "stuck without any disturbance"

    record = Record(expected)
    load = Load(cluster.http_port, lambda: generator.choice(specimens), record.take)
    load.set_clients(options.clients)
    shuffle = None
    if options.shuffle:
        shuffle = subprocess.Popen(
            [options.binary, "cluster", "shuffle", "--every", str(options.shuffle), "--seconds",
             str(options.seconds), "--scheduler", cluster.scheduler_address],
            stdout=subprocess.PIPE, text=True,
        )
    chaos = Chaos(cluster, generator)
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        chaos.disturb()
        chaos.rest(0.2, 2)
    moves = shuffle.communicate(timeout=60)[0].strip() if shuffle else "none"
    is_finished = load.finish()
    result = {
        "seconds": options.seconds,
        "clients": options.clients,
        "runners": options.runners,
        "requests": record.requests,
        "tokens": record.tokens,
        "mismatches": len(record.mismatches) + len(quiet.mismatches),
        "errors": len(record.errors) + len(quiet.errors),
        "stuck": not is_finished,
        "disturbances": chaos.counts,
        "forced": moves,
        "gap_seconds": {
            "quiet": {name: percentile(quiet.gaps, share) for name, share in (("p50", 0.5), ("p99", 0.99))},
            "chaos": {name: percentile(record.gaps, share) for name, share in (("p50", 0.5), ("p99", 0.99))}
            | {"max": record.longest[0]},
        },
        "before_the_longest_gap_ended": [
            f"{name} {began - record.longest[1]:+.1f} s" for began, name in chaos.log
            if record.longest[1] and -10 < began - record.longest[1] < record.longest[0]
        ],
    }
    print(json.dumps(result, indent=2))
    for failure in (record.mismatches + record.errors + quiet.mismatches + quiet.errors)[:5]:
        print(json.dumps(failure), file=sys.stderr)
    if options.output:
        with open(options.output, "w") as file:
            json.dump(result, file, indent=2)
    return result["mismatches"] or result["errors"] or result["stuck"]


if __name__ == "__main__":
    main()
