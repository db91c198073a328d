"""Scheduler, frontend and runners, the runners being jobs of Slurm: their number follows the load, and nothing is lost."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import threading
import time

from slurm_cluster import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "Demo"
SMALL = ["--threads=1", "--max-sequences=4", "--kv-cache-bytes=64MiB", "--adapter-bytes=256MiB"]
TEXTS = [
    "The old sailor found a golden key near the river.",
    "My sister bakes fresh bread every morning.",
    "The children built a small boat in the garden.",
]


class Request:
    """One client's request; the same every time, so that its text must be."""

    def __init__(self, model, text, seed):
        self.body = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 160,
            "min_tokens": 120,
            "ignore_eos": True,
            "temperature": 0.8 if seed else 0,
            "seed": seed,
        }

    def send(self, port):
        """The text, its tokens by the usage chunk, and the longest pause between two chunks; raises unless it is whole."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request(
            "POST", "/v1/chat/completions", json.dumps(self.body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"status {response.status}: {response.read()[:300]}")
        text, tokens, finish, done = "", 0, None, False
        last, pause = time.monotonic(), 0.0
        for line in response:
            if not line.startswith(b"data: "):
                continue
            now = time.monotonic()
            last, pause = now, max(pause, now - last)
            data = line[6:].strip()
            if data == b"[DONE]":
                done = True
                break
            chunk = json.loads(data)
            if "error" in chunk:
                raise RuntimeError(f"the stream failed: {chunk['error']}")
            for choice in chunk["choices"]:
                text += choice["delta"].get("content") or ""
                finish = choice.get("finish_reason") or finish
            tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
        connection.close()
        if not done or finish is None:
            raise RuntimeError(f"the stream ended without an end after {len(text)} characters")
        return text, tokens, pause


def requests():
    adapters = sorted(path.name for path in (DEMO / "adapters").iterdir() if path.is_dir())
    return [
        Request(model, text, seed)
        for number, model in enumerate(["punica-demo", *adapters[:7]])
        for text, seed in [(TEXTS[number % 3], 0), (TEXTS[(number + 1) % 3], 1000 + number)]
    ]


@contextlib.contextmanager
def process(name, command, log_directory, environment):
    log = open(log_directory / f"{name}.log", "ab")
    child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()


def wait_for(what, condition, seconds):
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.2)
    return time.monotonic() - start


def is_ready(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False


def undisturbed(options, logs, environment, wanted):
    """Each request's text from one process alone."""
    port = free_port()
    command = [options.punica, "serve", f"--port={port}", "--threads=2", "--kv-cache-bytes=256MiB"]
    with process("alone", command, logs, environment):
        wait_for("the server", lambda: is_ready(port), 120)
        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            return [text for text, _, _ in clients.map(lambda request: request.send(port), wanted)]


class Load:
    """Clients that send one request after another and compare each text."""

    def __init__(self, port, wanted, texts, clients):
        self.port, self.wanted, self.texts = port, wanted, texts
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.next, self.complete, self.tokens, self.pauses, self.failures = 0, 0, 0, [], []
        self.threads = [threading.Thread(target=self.client) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def client(self):
        while not self.stopping.is_set():
            with self.lock:
                index = self.next % len(self.wanted)
                self.next += 1
            try:
                text, tokens, pause = self.wanted[index].send(self.port)
                problem = None if text == self.texts[index] else f"{index}: another text than undisturbed: {text!r}"
            except (RuntimeError, OSError, ValueError) as error:
                problem, tokens, pause = f"{index}: {error}", 0, 0.0
            with self.lock:
                if problem:
                    self.failures.append(problem)
                else:
                    self.complete += 1
                    self.tokens += tokens
                    self.pauses.append(pause)


class Jobs:
    """What Slurm, and the scheduler, say of the runners."""

    def __init__(self, cluster, punica, address):
        self.cluster = cluster
        self.status = [punica, "cluster", "status", f"--scheduler={address}"]

    def running(self):
        return [identifier for identifier, _, state in self.cluster.jobs() if state == "RUNNING"]

    def live(self):
        return [identifier for identifier, _, state in self.cluster.jobs() if state != "COMPLETING"]

    def busiest(self):
        """The job whose runner has the most requests at work, and their number."""
        runners = json.loads(self.cluster.command(*self.status))["runners"]["items"]
        batches = {runner["name"]: runner["batch"] for runner in runners}
        jobs = [(batches.get(name, 0), identifier) for identifier, name, state in self.cluster.jobs()]
        batch, identifier = max(jobs)
        return identifier, batch

    def lose(self, *command):
        """Has the busiest runner's job end by a command, and waits until another job runs in its place."""
        wait_for("a busy runner", lambda: self.busiest()[1] > 1, 60)
        victim, batch = self.busiest()
        before = set(self.running())
        self.cluster.command(*command, victim)
        gone = wait_for("the end of the job", lambda: victim not in self.running(), 60)
        back = wait_for("another job", lambda: set(self.running()) - before, 120)
        return {"job": victim, "requests_there": batch, "gone_after_s": round(gone, 1), "another_after_s": round(back, 1)}


def run_load(cluster, options):
    options.punica = os.path.abspath(options.punica)
    logs = cluster.directory / "logs"
    environment = dict(cluster.environment, PUNICA_DEMO=str(DEMO))
    wanted = requests()
    texts = undisturbed(options, logs, environment, wanted)
    record = {"requests": len(wanted), "clients": options.clients}
    address, port = f"127.0.0.1:{free_port()}", free_port()
    scheduler = [options.punica, "scheduler", f"--listen={address}", "--pool=slurm", "--pool-size=4"]
    scheduler += [f"--pool-log-directory={logs}", "--pool-grace=10", "--consolidation=2", "--", *SMALL]
    serve = [options.punica, "serve", f"--scheduler={address}", f"--port={port}"]
    jobs = Jobs(cluster, options.punica, address)
    with process("scheduler", scheduler, logs, environment), process("frontend", serve, logs, environment):
        wait_for("the frontend", lambda: is_ready(port), 120)
        record["jobs_without_load"] = wait_for("the first job", jobs.running, 60) and len(jobs.live())
        with Load(port, wanted, texts, options.clients) as load:
            record["second_job_after_s"] = round(wait_for("more jobs", lambda: len(jobs.running()) > 1, 120), 1)
            time.sleep(options.seconds / 3)
            record["jobs_under_load"] = len(jobs.running())
            record["scancel"] = jobs.lose("scancel")
            time.sleep(options.seconds / 3)
            record["scancel_kill"] = jobs.lose("scancel", "--signal=KILL", "--full")
            time.sleep(options.seconds / 3)
        record["idle_jobs_cancelled_after_s"] = round(
            wait_for("the end of idle jobs", lambda: len(jobs.live()) <= 1, 180), 1
        )
    pauses = sorted(load.pauses)
    record.update(
        complete=load.complete,
        tokens=load.tokens,
        failures=len(load.failures),
        longest_pause_s=round(pauses[-1], 2) if pauses else None,
        median_longest_pause_s=round(pauses[len(pauses) // 2], 3) if pauses else None,
    )
    print(json.dumps(record))
    for failure in load.failures[:10]:
        print(failure)
    return 1 if load.failures or not load.complete else 0
