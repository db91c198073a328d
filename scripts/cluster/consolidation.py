#!/usr/bin/env python3
"""Load that rises and falls over a local pool of runners: who is started, who is given back, how often requests move.

    python3 scripts/cluster/consolidation.py --output consolidation.json
"""

import argparse
import json
import random
import sys
import threading
import time

from cluster import Cluster, Load, complete, percentile

# Clients at work in each phase, and for how many seconds.
PHASES = [("rise", 4, 10), ("rise", 12, 15), ("peak", 20, 25), ("fall", 8, 20), ("fall", 2, 20), ("idle", 0, 35)]


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
                self.events[(event["time"], event["kind"], event["runner"], event["target"])] = event

    def count(self, kind):
        return sum(event["kind"] == kind for event in self.events.values())


def measure(cluster, options, phases):
    generator = random.Random(1)
    models = ["punica-demo", "pirate", "reverse", "spanish", "json", "shout"]
    answers, lock = [], threading.Lock()

    def choose():
        return {
            "model": generator.choice(models), "prompt": generator.choice(["The sea", "My cat", "Today I"]),
            "max_tokens": generator.choice([100, 200, 400]), "ignore_eos": True, "temperature": 0.8,
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
    watch.stop.set()
    watch.join(40)
    gaps = [gap for answer in answers for gap in answer.gaps]
    active = [count for _, count, _ in watch.samples]
    idle_from = sum(seconds for _, clients, seconds in phases if clients)
    released_at = next((at for at, count, _ in watch.samples if at > idle_from and count <= 1), None)
    return {
        "requests": len(answers),
        "errors": sum(answer.error is not None for answer in answers),
        "stuck": not is_finished,
        "runners_most": max(active, default=0),
        "runners_at_end": active[-1] if active else None,
        "seconds_from_idle_to_one_runner": None if released_at is None else round(released_at - idle_from, 1),
        "migrations": watch.count("migrated"),
        "released": watch.count("released"),
        "acquired": watch.count("acquired"),
        "gap_seconds": {"p50": percentile(gaps, 0.5), "p99": percentile(gaps, 0.99), "max": max(gaps, default=None)},
        "runners_over_time": [[round(at), count] for at, count, _ in watch.samples],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=".build/release/punica")
    parser.add_argument("--grace", type=float, default=10)
    parser.add_argument("--output")
    options = parser.parse_args()
    results = {}
    for name, consolidation in (("with migration", "2"), ("without", "0")):
        cluster = Cluster(
            options.binary,
            runner_count=0,
            scheduler_arguments=[
                "--consolidation", consolidation, "--pool", "local", "--pool-size", "4", "--pool-grace",
                str(options.grace), "--log-level", "info", "--", "--threads", "1", "--max-sequences", "8",
                "--kv-cache-bytes", "64MiB",
            ],
        )
        cluster.start()
        try:
            complete(cluster.http_port, {"model": "punica-demo", "prompt": "x", "max_tokens": 1})
            results[name] = measure(cluster, options, PHASES)
        finally:
            cluster.stop()
            cluster.stop_pool()
    print(json.dumps(results, indent=2))
    if options.output:
        with open(options.output, "w") as file:
            json.dump(results, file, indent=2)
    late = [r for r in results.values() if r["seconds_from_idle_to_one_runner"] is None
            or r["seconds_from_idle_to_one_runner"] > 2 * options.grace]
    if late or any(r["errors"] or r["stuck"] for r in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
