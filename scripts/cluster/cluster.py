"""Starts a cluster of real processes on loopback and talks to it. Standard library only."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A process that can be killed and started again with the same arguments."""

    def __init__(self, name, arguments, log_directory):
        self.name = name
        self.arguments = arguments
        self.log_path = os.path.join(log_directory, f"{name}.log")
        self.child = None

    def start(self):
        log = open(self.log_path, "ab")
        self.child = subprocess.Popen(self.arguments, stdout=log, stderr=log, start_new_session=True)
        log.close()

    def signal(self, number):
        if self.is_running():
            os.kill(self.child.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, timeout=15):
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def tail(self, lines=20):
        with open(self.log_path, errors="replace") as log:
            return "".join(log.readlines()[-lines:])


class Cluster:
    """One scheduler, runners and one frontend."""

    def __init__(self, binary, runner_count=3, scheduler_arguments=(), runner_arguments=(), frontend_arguments=()):
        self.binary = binary
        self.logs = tempfile.mkdtemp(prefix="punica-cluster-")
        self.scheduler_address = f"127.0.0.1:{free_port()}"
        self.http_port = free_port()
        self.scheduler = Process(
            "scheduler",
            [binary, "scheduler", "--listen", self.scheduler_address, *scheduler_arguments],
            self.logs,
        )
        self.runners = []
        for index in range(runner_count):
            identity = str(uuid.uuid4())
            arguments = [
                binary, "runner", "--scheduler", self.scheduler_address, "--id", identity,
                "--listen", f"127.0.0.1:{free_port()}", *runner_arguments,
            ]
            runner = Process(f"runner{index}", arguments, self.logs)
            runner.id = identity
            self.runners.append(runner)
        self.frontend = Process(
            "frontend",
            [binary, "serve", "--scheduler", self.scheduler_address, "--port", str(self.http_port),
             *frontend_arguments],
            self.logs,
        )

    @property
    def processes(self):
        return [self.scheduler, *self.runners, self.frontend]

    def start(self):
        for process in self.processes:
            process.start()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                if self.get("/ready")[0] == 200 and self.status_runner_count() >= len(self.runners):
                    return
            except OSError:
                pass
            for process in self.processes:
                if not process.is_running():
                    raise SystemExit(f"{process.name} ended:\n{process.tail()}")
            time.sleep(0.2)
        raise SystemExit("the cluster did not come up:\n" + "\n".join(p.tail() for p in self.processes))

    def stop(self):
        for process in [self.frontend, *self.runners, self.scheduler]:
            if process.is_running():
                process.signal(signal.SIGCONT)
        for process in [self.frontend, *self.runners, self.scheduler]:
            if process.is_running():
                process.kill()

    def stop_pool(self):
        """Ends runners that the scheduler's pool started: they outlive it."""
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except (OSError, ValueError):
                continue
            if "runner" in words and self.scheduler_address in words:
                os.kill(int(entry), signal.SIGKILL)

    def get(self, path, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def operate(self, *arguments, timeout=30):
        """Runs `punica cluster ...`; its output, or None if the scheduler did not answer."""
        command = [self.binary, "cluster", *arguments, "--scheduler", self.scheduler_address]
        try:
            result = subprocess.run(command, capture_output=True, timeout=timeout, text=True)
        except subprocess.TimeoutExpired:
            return None
        return result.stdout if result.returncode == 0 else None

    def status(self):
        text = self.operate("status")
        return json.loads(text) if text else None

    def status_runner_count(self):
        status = self.status()
        return 0 if status is None else len(status["runners"]["items"])


class Answer:
    """What one streaming request gave."""

    def __init__(self):
        self.text = ""
        self.finish_reasons = []
        self.completion_tokens = None
        self.is_done = False
        self.error = None
        self.times = []

    @property
    def outcome(self):
        """What must be the same however often the request moved."""
        return (self.text, tuple(self.finish_reasons), self.completion_tokens, self.is_done)

    @property
    def gaps(self):
        return [after - before for before, after in zip(self.times, self.times[1:])]


def complete(port, body, timeout=60):
    """Sends a streaming completion and reads it to its end."""
    answer = Answer()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            answer.error = f"status {response.status}: {response.read(500)!r}"
            return answer
        while True:
            line = response.readline()
            if not line:
                answer.error = answer.error or (None if answer.is_done else "the stream broke off")
                return answer
            line = line.strip()
            if not line.startswith(b"data: "):
                continue
            if line == b"data: [DONE]":
                answer.is_done = True
                continue
            event = json.loads(line[6:])
            if "error" in event:
                answer.error = json.dumps(event["error"])
            for choice in event.get("choices", []):
                answer.times.append(time.monotonic())
                answer.text += choice.get("text") or ""
                if choice.get("finish_reason"):
                    answer.finish_reasons.append(choice["finish_reason"])
            if event.get("usage"):
                answer.completion_tokens = event["usage"]["completion_tokens"]
    except TimeoutError:
        answer.error = f"nothing came for {timeout} s"
        return answer
    except (OSError, http.client.HTTPException) as error:
        answer.error = repr(error)
        return answer
    finally:
        connection.close()


def percentile(values, share):
    if not values:
        return None
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


class Load:
    """Clients that send requests one after another until told to stop."""

    def __init__(self, port, choose, on_answer):
        self.port = port
        self.choose = choose
        self.on_answer = on_answer
        self.stop_event = threading.Event()
        self.threads = []

    def set_clients(self, count):
        """Adds clients; those beyond `count` end with their request."""
        self.wanted = count
        while len(self.threads) < count:
            index = len(self.threads)
            thread = threading.Thread(target=self.work, args=(index,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def work(self, index):
        while not self.stop_event.is_set():
            if index >= self.wanted:
                time.sleep(0.05)
                continue
            request = self.choose()
            self.on_answer(request, complete(self.port, request))

    def finish(self, timeout=120):
        """True if every client came to its end."""
        self.stop_event.set()
        deadline = time.monotonic() + timeout
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)
