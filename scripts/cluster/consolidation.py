#!/usr/bin/env python3
"""Load that rises and falls over a local pool of runners: who is started, who is given back, how often requests move.

    python3 scripts/cluster/consolidation.py --output consolidation.json
"""

import argparse
import collections
import json
import os
import random
import sys
import tempfile
import threading
import time

from cluster import Cluster, Load, complete, percentile

# Clients at work in each phase, and for how many seconds.
PHASES = [("rise", 4, 8), ("rise", 12, 12), ("peak", 26, 25), ("fall", 12, 20), ("fall", 5, 25)]
# Longer than the demo's own bound: a request must last for its move to be worth anything.
CONTEXT = 4096
# Tokens a second, of one thread beside a batch of decodes where four runners share two cores.
PREFILL_RATE = 500


def long_demo(directory):
    """The demo model with a longer context: beyond 512 tokens its text means nothing, but it is as much work."""
    base = os.path.abspath("Demo/base")
    for name in os.listdir(base):
        if name != "config.json":
            os.symlink(os.path.join(base, name), os.path.join(directory, name))
    with open(os.path.join(base, "config.json")) as file:
        config = json.load(file)
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump(config | {"max_position_embeddings": CONTEXT}, file)
    return ["--model", directory, "--served-model-name", "punica-demo", "--adapters", os.path.abspath("Demo/adapters")]


class Watch(threading.Thread):
    """Looks at the cluster once a second."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.samples = []
        self.events = {}
        self.stop = threading.Event()
        self.start_time = time.monotonic()

    def run(self):
        while not self.stop.wait(1):
            status = self.cluster.status()
            if status is None:
                continue
            runners = [r for r in status["runners"]["items"] if r["state"] in ("active", "draining")]
            self.samples.append((time.monotonic() - self.start_time, len(runners), [r["batch"] for r in runners]))
            for event in status["events"]["items"]:
                self.events[(event["time"], event["text"])] = event

    def of(self, kind):
        return [event for event in self.events.values() if event["kind"] == kind]


def measure(cluster, options, phases):
    generator = random.Random(1)
    models = ["punica-demo", "pirate", "reverse", "spanish", "json", "shout"]
    answers, lock = [], threading.Lock()

    def choose():
        return {
            "model": generator.choice(models), "prompt": generator.choice(["The sea", "My cat", "Today I"]),
            "max_tokens": generator.choice([200, 1600, 3200]), "ignore_eos": True, "temperature": 0.8,
            # Else a token without text is a pause that nobody made.
            "skip_special_tokens": False,
            "seed": generator.randrange(1 << 30),
        }

    def take(_, answer):
        with lock:
            answers.append(answer)

    watch = Watch(cluster)
    watch.start()
    load = Load(cluster.http_port, choose, take)
    for _, clients, seconds in phases:
        load.set_clients(clients)
        time.sleep(seconds)
    is_finished = load.finish()
    time.sleep(options.grace + 8)
    watch.stop.set()
    watch.join(40)
    active = [count for _, count, _ in watch.samples]
    idle_from = max(answer.times[-1] for answer in answers if answer.times) - watch.start_time
    released_at = next((at for at, count, _ in watch.samples if at > idle_from and count <= 1), None)
    moves = watch.of("migrated")
    moves_of_one = collections.Counter(event["text"] for event in moves)
    return {
        "requests": len(answers),
        "tokens": sum(answer.completion_tokens or 0 for answer in answers),
        "errors": sum(answer.error is not None for answer in answers),
        "stuck": not is_finished,
        "runners_most": max(active, default=0),
        "runners_at_end": active[-1] if active else None,
        "runner_seconds": sum(active),
        "seconds_from_idle_to_one_runner": None if released_at is None else round(released_at - idle_from, 1),
        "migrations": len(moves),
        "requests_moved": len(moves_of_one),
        "most_moves_of_one_request": max(moves_of_one.values(), default=0),
        "released": len(watch.of("released")),
        "gap_seconds": gap_figures(answers, moves),
        "runners_over_time": [[round(at), count] for at, count, _ in watch.samples],
    }


def gap_figures(answers, moves):
    """Times between tokens as clients see them: of all, and of those during which some request moved."""
    offset = time.time() - time.monotonic()
    moved_at = sorted(event["time"] - offset for event in moves)
    gaps = [(after - before, before, after)
            for answer in answers for before, after in zip(answer.times, answer.times[1:])]
    during = [gap for gap, before, after in gaps if any(before <= at + 0.5 and at <= after for at in moved_at)]
    return {
        name: {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "max": max(values, default=None)}
        for name, values in (("all", [gap for gap, _, _ in gaps]), ("around_a_move", during))
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=".build/release/punica")
    parser.add_argument("--grace", type=float, default=10)
    parser.add_argument("--output")
    options = parser.parse_args()
    results = {}
    directory = tempfile.TemporaryDirectory(prefix="punica-long-demo-")
    model = long_demo(directory.name)
    for name, consolidation in (("with migration", "2"), ("without", "0")):
        cluster = Cluster(
            options.binary,
            runner_count=0,
            scheduler_arguments=[
                "--consolidation", consolidation, "--prefill-rate", str(PREFILL_RATE), "--pool", "local", "--pool-size", "4", "--pool-grace",
                str(options.grace), "--log-level", "info", "--", *model, "--threads", "1", "--max-sequences", "8",
                "--kv-cache-bytes", "512MiB",
            ],
            frontend_arguments=model,
        )
        cluster.start()
        try:
            complete(cluster.http_port, {"model": "punica-demo", "prompt": "x", "max_tokens": 1})
            results[name] = measure(cluster, options, PHASES)
        finally:
            cluster.stop()
            cluster.stop_pool()
    directory.cleanup()
    print(json.dumps(results, indent=2))
    if options.output:
        with open(options.output, "w") as file:
            json.dump(results, file, indent=2)
    late = [result for result in results.values() if result["seconds_from_idle_to_one_runner"] is None
            or result["seconds_from_idle_to_one_runner"] > options.grace + 5]
    moved_too_often = any(result["most_moves_of_one_request"] > 2 for result in results.values())
    nothing_moved = results["with migration"]["migrations"] == 0
    if late or moved_too_often or nothing_moved or any(r["errors"] or r["stuck"] for r in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
