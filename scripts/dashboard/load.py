"""Gives a running server a load that rises and falls, spread over its adapters as tenants are: few busy, many quiet.

    python3 scripts/dashboard/load.py --url http://127.0.0.1:8000 [--seconds 60] [--at-once 24] [--key KEY]

Prints how many requests were answered; fails if any was not.
"""

import argparse
import json
import math
import random
import sys
import threading
import time
import urllib.request


class Load:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.start = time.monotonic()
        self.answered, self.failed = 0, []
        self.models = [card["id"] for card in self.ask("/v1/models")["data"]]

    def ask(self, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.options.key:
            headers["Authorization"] = f"Bearer {self.options.key}"
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.options.url + path, data=data, headers=headers)
        # An environment's proxy must not stand between this and a local server.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as response:
            return json.load(response)

    def wanted(self):
        """Requests at once, now: three waves, each higher than the one before."""
        passed = (time.monotonic() - self.start) / self.options.seconds
        wave = math.sin(math.pi * (3 * passed % 1)) ** 2 * (0.4 + 0.6 * passed)
        return max(1, round(self.options.at_once * wave))

    def client(self, number):
        while time.monotonic() - self.start < self.options.seconds:
            if number >= self.wanted():
                time.sleep(0.05)
                continue
            model = self.models[min(int(self.random.paretovariate(0.7)) - 1, len(self.models) - 1)]
            body = {
                "model": model, "prompt": "The old sailor found a golden key near the river.",
                "max_tokens": self.random.randint(16, 200), "temperature": 0.8, "ignore_eos": True,
            }
            try:
                self.ask("/v1/completions", body)
                self.answered += 1
            except OSError as error:
                self.failed.append(error)

    def run(self):
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(self.options.at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{self.answered} answered, {len(self.failed)} failed", *self.failed[:3])
        return 1 if self.failed or not self.answered else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--at-once", type=int, default=24)
    parser.add_argument("--key", default="")
    parser.add_argument("--seed", type=int, default=1)
    sys.exit(Load(parser.parse_args()).run())
