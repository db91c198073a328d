"""Ten thousand random requests, good and bad, two hundred at a time, against a running server.

    python scripts/client/soak.py --url http://127.0.0.1:8000 --pid PID [--key KEY] [--requests 10000] [--seed 1]

Every request must end as its kind demands: a good one with one end and a finish reason, a bad one with its status in
OpenAI's error shape, a client that leaves with nothing. Afterwards nothing runs or waits, every block is back, and the
process (PID) has not grown between the half and the end by more than 64 MiB. Prints 'N passed, N failed' last.
"""

import argparse
import asyncio
import collections
import json
import random
import re
import sys

import httpx


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--key", default="")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


BAD = [
    ({"model": "nobody"}, 404), ({"temperature": -1}, 400), ({"temperature": 1e9}, 400), ({"n": 0}, 400),
    ({"max_tokens": 2**63 - 1}, 400), ({"max_tokens": -5}, 400), ({"prompt": "x" * 20_000}, 400), ({"prompt": []}, 400),
    ({"prompt": [-1]}, 400), ({"prompt": [2**31 - 1]}, 400), ({"top_p": 0}, 400), ({"logit_bias": {"x": 1}}, 400),
    ({"stop": [""]}, 400), ({"stop": ["a"] * 1000}, 400), ({"logprobs": 99}, 400), ({"presence_penalty": 1e300}, 400),
]
RAW = [(b"", 400), (b"{", 400), (b"[1,2", 400), (b"\xff\xfe", 400), (b"[" * 100_000, 400), (b" " * (5 << 20), 413)]


class Soak:
    def __init__(self, options, models):
        self.options, self.models = options, models
        self.random = random.Random(options.seed)
        self.outcomes = collections.Counter()
        self.problems = []

    def body(self):
        words = self.random.choices(["the", "old", "fox", "key", "river", "sang", "élan", "日本"], k=self.random.randint(1, 20))
        return {
            "model": self.random.choice(self.models), "prompt": " ".join(words), "max_tokens": self.random.randint(1, 8),
            "temperature": self.random.choice([0, 0.7, 1.5]), "seed": self.random.randint(0, 1 << 40),
            "stop": self.random.choice([None, ".", ["fox", "\n"]]), "n": self.random.choice([1, 1, 1, 2]),
        }

    async def one(self, client, number):
        kind = self.random.choices(["whole", "stream", "leave", "bad", "raw"], [30, 45, 10, 13, 2])[0]
        body, limit = self.body(), self.random.randint(0, 3)
        change, status = self.random.choice(BAD)
        raw, raw_status = self.random.choice(RAW)
        try:
            if kind == "whole":
                self.check(await client.post("/v1/completions", json=body), 200, number, body["n"])
            elif kind == "bad":
                self.check(await client.post("/v1/completions", json={**body, **change}), status, number)
            elif kind == "raw":
                self.check(await client.post("/v1/completions", content=raw), raw_status, number)
            else:
                await self.stream(client, body, limit if kind == "leave" else None, number)
            self.outcomes[kind] += 1
        except httpx.HTTPError as error:
            # A body over the limit may be answered by closing the connection while it is still being sent.
            if kind == "raw" and raw_status == 413:
                self.outcomes[kind] += 1
            else:
                self.problems.append(f"{number} {kind}: {error!r}")

    def check(self, response, status, number, choices=None):
        content = response.json()
        if response.status_code != status:
            self.problems.append(f"{number}: status {response.status_code}, not {status}: {response.text[:200]}")
        elif status != 200:
            if set(content["error"]) != {"message", "type", "param", "code"}:
                self.problems.append(f"{number}: an error of another shape: {content}")
        elif [c["finish_reason"] in ("stop", "length") for c in content["choices"]] != [True] * choices:
            self.problems.append(f"{number}: choices {content['choices']}")

    async def stream(self, client, body, limit, number):
        ends, done, seen = 0, 0, 0
        async with client.stream("POST", "/v1/completions", json={**body, "stream": True}) as response:
            if response.status_code != 200:
                self.problems.append(f"{number}: stream has status {response.status_code}")
                return
            async for line in response.aiter_lines():
                if line == "data: [DONE]":
                    done += 1
                elif line.startswith("data: "):
                    seen += 1
                    ends += sum(c["finish_reason"] is not None for c in json.loads(line[6:])["choices"])
                if limit is not None and seen > limit:
                    return
        if limit is None and (ends, done) != (body["n"], 1):
            self.problems.append(f"{number}: {ends} ends for n = {body['n']}, {done} times [DONE]")

    async def run(self, client, count):
        places = asyncio.Semaphore(self.options.at_once)

        async def place(number):
            async with places:
                await self.one(client, number)

        await asyncio.gather(*(place(number) for number in range(count)))


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024


async def gauges(client):
    text = (await client.get("/metrics")).text
    return {name: float(value) for name, value in re.findall(r"^(punica_[a-z_]+) (\S+)$", text, re.M)}


async def main():
    options = arguments()
    headers = {"Authorization": f"Bearer {options.key}"} if options.key else {}
    limits = httpx.Limits(max_connections=options.at_once, max_keepalive_connections=options.at_once)
    async with httpx.AsyncClient(base_url=options.url, headers=headers, limits=limits, timeout=120) as client:
        models = [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
        soak = Soak(options, models)
        await soak.run(client, options.requests // 2)
        half = resident_bytes(options.pid)
        await soak.run(client, options.requests - options.requests // 2)
        for _ in range(100):
            state = await gauges(client)
            if state["punica_requests_running"] == state["punica_requests_waiting"] == 0:
                break
            await asyncio.sleep(0.1)
        end = resident_bytes(options.pid)
        checks = {
            "every request ended as it should": not soak.problems,
            "all requests are accounted for": sum(soak.outcomes.values()) == options.requests,
            "nothing runs or waits": state["punica_requests_running"] == state["punica_requests_waiting"] == 0,
            "every block is back": blocks_are_back(state),
            "memory does not grow": end - half < 64 << 20,
        }
        print(dict(soak.outcomes), f"RSS {half >> 20} MiB at the half, {end >> 20} MiB at the end")
        for problem in soak.problems[:20]:
            print("     ", problem)
        for name, holds in checks.items():
            print("ok   " if holds else "FAIL ", name)
        failed = sum(not holds for holds in checks.values())
        print(f"{len(checks) - failed} passed, {failed} failed")
        return failed


def blocks_are_back(state):
    names = {name: value for name, value in state.items() if "kv_block" in name}
    total = next((v for k, v in names.items() if k.endswith("total") or k.endswith("kv_blocks")), None)
    free = next((v for k, v in names.items() if "free" in k), None)
    cached = next((v for k, v in names.items() if "cached" in k), None)
    return None not in (total, free, cached) and free + cached == total


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main()) else 0)
