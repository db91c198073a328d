#!/usr/bin/env python3
"""Run by partition.sh: disturbs the network between a hub (scheduler, frontend) and two runners' namespaces."""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from cluster import Process, percentile

# Runs in the hub's namespace, where the frontend listens on loopback.
CLIENT = """
import json, sys
sys.path.insert(0, "scripts/cluster")
from cluster import complete
answer = complete(8000, json.loads(sys.argv[1]), timeout=90)
print(json.dumps({"outcome": answer.outcome, "error": answer.error, "gaps": answer.gaps}))
"""

PROBE = """
import socket, statistics, sys, time
times = []
for _ in range(5):
    start = time.monotonic()
    socket.create_connection((sys.argv[1], 9000), timeout=1).close()
    times.append(time.monotonic() - start)
print(round(statistics.median(times) * 1000, 1))
"""


def within(node, *command):
    return ["ip", "netns", "exec", f"punica-{node}", *command]


class Wires:
    """What joins the runners' namespaces to the bridge."""

    def __init__(self):
        self.children = {
            node: subprocess.Popen([sys.executable, "scripts/cluster/wire.py", f"pv-{node}", f"punica-{node}", "eth0"],
                                   stdin=subprocess.PIPE, text=True)
            for node in "ab"
        }

    def shape(self, delay=0.0, loss=0.0):
        """Seconds and a share, for each direction and every frame from now on."""
        for child in self.children.values():
            child.stdin.write(f"{delay} {loss}\n")
            child.stdin.flush()

    def round_trip(self, node):
        """Milliseconds that a connection to a runner takes to open, the median of five; None if it does not."""
        address = {"a": "10.117.0.2", "b": "10.117.0.3"}[node]
        output = subprocess.run(within("hub", sys.executable, "-c", PROBE, address), capture_output=True, text=True)
        return float(output.stdout) if output.returncode == 0 else None

    def close(self):
        for child in self.children.values():
            child.stdin.close()
            child.wait(10)


def cut(node):
    """Everything to and from a node is lost, silently."""
    subprocess.run(["ip", "link", "set", f"pv-{node}", "down"], check=True)


def mend(node):
    subprocess.run(["ip", "link", "set", f"pv-{node}", "up"], check=True)


def ask(request):
    result = subprocess.run(within("hub", sys.executable, "-c", CLIENT, json.dumps(request)),
                            capture_output=True, text=True)
    if result.returncode:
        return {"outcome": None, "error": result.stderr[-300:], "gaps": []}
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    logs = tempfile.mkdtemp(prefix="punica-partition-")
    wires = Wires()
    processes = [Process("scheduler", within("hub", options.binary, "scheduler", "--listen", "10.117.0.1:8100",
                                             "--insecure"), logs)]
    for index, node in ((2, "a"), (3, "b")):
        processes.append(Process(f"runner-{node}", within(
            node, options.binary, "runner", "--scheduler", "10.117.0.1:8100", "--listen", f"10.117.0.{index}:9000",
            "--id", str(uuid.uuid4()), "--threads", "1", "--insecure", "--kv-cache-bytes", "64MiB"), logs))
    processes.append(Process("frontend", within("hub", options.binary, "serve", "--scheduler", "10.117.0.1:8100",
                                                "--port", "8000"), logs))
    for process in processes:
        process.start()
    try:
        failed = run(options, wires)
    finally:
        for process in processes:
            if process.is_running():
                process.kill()
        wires.close()
    if failed:
        print(f"logs: {logs}", file=sys.stderr)
        sys.exit(1)


def run(options, wires):
    generator = random.Random(1)
    specimens = [
        {"model": model, "prompt": f"The sea {index}", "max_tokens": 300, "ignore_eos": True, "seed": index,
         "temperature": temperature}
        for index, (model, temperature) in enumerate(
            [("punica-demo", 0), ("pirate", 0.9), ("reverse", 0.9), ("spanish", 0)])
    ]
    deadline = time.monotonic() + 60
    while ask(specimens[0])["error"] and time.monotonic() < deadline:
        time.sleep(0.5)
    expected = {json.dumps(request): ask(request)["outcome"] for request in specimens}
    phases = [
        ("40 ms there and back", 10, lambda: wires.shape(delay=0.02)),
        ("200 ms there and back", 10, lambda: wires.shape(delay=0.1)),
        ("20 ms and 2 % loss", 10, lambda: wires.shape(delay=0.01, loss=0.02)),
        ("20 ms and 15 % loss", 15, lambda: wires.shape(delay=0.01, loss=0.15)),
        ("no more of it", 4, wires.shape),
        ("runner a cut off", 12, lambda: cut("a")),
        ("healed", 6, lambda: mend("a")),
        ("both cut off for 8 s", 8, lambda: [cut(node) for node in "ab"]),
        ("healed again", 12, lambda: [mend(node) for node in "ab"]),
    ]
    results, lock, stop = [], threading.Lock(), threading.Event()
    phase = "none"

    def work():
        while not stop.is_set():
            request = generator.choice(specimens)
            begun = phase
            answer = ask(request)
            with lock:
                results.append((begun, answer["outcome"] == expected[json.dumps(request)], answer))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(options.clients)]
    for thread in threads:
        thread.start()
    round_trips = {}
    for phase, seconds, apply in phases:
        apply()
        end = time.monotonic() + seconds
        round_trips[phase] = wires.round_trip("b")
        time.sleep(max(0, end - time.monotonic()))
    stop.set()
    for thread in threads:
        thread.join(120)
    record = {"stuck": sum(thread.is_alive() for thread in threads), "phases": []}
    for name, _, _ in phases:
        mine = [(ok, answer) for begun, ok, answer in results if begun == name]
        gaps = [gap for _, answer in mine for gap in answer["gaps"]]
        record["phases"].append({
            "phase": name, "round_trip_ms": round_trips[name], "requests": len(mine), "wrong": sum(not ok for ok, _ in mine),
            "gap_p50": percentile(gaps, 0.5), "gap_max": max(gaps, default=None),
        })
    print(json.dumps(record, indent=2))
    for _, ok, answer in results:
        if not ok:
            print(json.dumps({"error": answer["error"], "outcome": answer["outcome"]})[:500], file=sys.stderr)
    return record["stuck"] or any(phase["wrong"] for phase in record["phases"])


if __name__ == "__main__":
    main()
