"""What every check stands on: the server under test, clients of it, and the list of checks."""

import random
import time
import traceback
from dataclasses import dataclass, field

import httpx2
import openai
from prometheus_client.parser import text_string_to_metric_families

TIMEOUT = 120.0


class Skip(Exception):
    """Raised by a check that the arguments leave nothing to test."""


def expect(condition: bool, message: str) -> None:
    """Fails the running check; unlike assert it also works under -O."""
    if not condition:
        raise AssertionError(message)


def same(actual, expected, what: str) -> None:
    """Fails the running check unless the two are equal."""
    expect(actual == expected, f"{what}: expected {expected!r}, got {actual!r}")


@dataclass
class Subject:
    """A model and a prompt that it answers with enough visible text to test stops and streams on."""

    model: str
    prompt: str
    text: str


@dataclass
class Server:
    """The running server, as its arguments describe it."""

    url: str
    key: str | None
    admin_url: str
    admin_key: str | None
    adapters_directory: str | None
    context: int | None
    base: str = ""
    adapters: list = field(default_factory=list)

    def __post_init__(self):
        arguments = dict(base_url=f"{self.url}/v1", api_key=self.key or "unused", timeout=TIMEOUT, max_retries=0)
        self.client = openai.OpenAI(**arguments)
        self.asynchronous = lambda: openai.AsyncOpenAI(**arguments)
        # An environment's proxy must not stand between the client and a local server.
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        self.raw = httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False)
        headers = {"Authorization": f"Bearer {self.admin_key}"} if self.admin_key else {}
        self.admin = httpx2.Client(base_url=self.admin_url, headers=headers, timeout=TIMEOUT, trust_env=False)
        self._subject = None

    def discover(self, wanted: list[str]) -> None:
        """Finds the base and the adapters in /v1/models; `wanted` must be among the latter."""
        models = list(self.client.models.list())
        bases = [m.id for m in models if getattr(m, "parent", None) is None]
        expect(len(bases) > 0, "/v1/models lists no model without a parent")
        self.base = bases[0]
        self.adapters = [m.id for m in models if getattr(m, "parent", None) is not None]
        missing = [name for name in wanted if name not in self.adapters]
        expect(not missing, f"/v1/models does not list {missing}")
        if wanted:
            self.adapters = wanted

    @property
    def models(self) -> list[str]:
        return [self.base] + self.adapters

    def complete(self, model: str, prompt, **options):
        """One completion that does not stop at the model's own end, so that its length is known."""
        options = {"max_tokens": 16, "temperature": 0} | options
        extra = {"ignore_eos": True} | options.pop("extra_body", {})
        return self.client.completions.create(model=model, prompt=prompt, extra_body=extra, **options)

    @property
    def subject(self) -> Subject:
        """The pair of model and prompt with the longest answer of 40 greedy tokens."""
        if self._subject is None:
            prompts = ["Once upon a time", "abc def ghi", "Reverse: hello world"]
            found = [
                Subject(model, prompt, self.complete(model, prompt, max_tokens=40).choices[0].text)
                for model in self.models[:5] for prompt in prompts
            ]
            # A broken character at the end of a token would make a poor stop string.
            self._subject = max(found, key=lambda s: ("\ufffd" not in s.text, len(s.text)))
            expect(len(self._subject.text) >= 8, f"no answer is long enough to test on: {self._subject!r}")
        return self._subject

    def metrics(self) -> dict:
        """The samples of /metrics: {name: [(labels, value)]}."""
        samples: dict = {}
        for family in text_string_to_metric_families(self.metrics_text()):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((sample.labels, sample.value))
        return samples

    def metrics_text(self) -> str:
        for client in (self.raw, self.admin):
            response = client.get("/metrics")
            if response.status_code == 200:
                return response.text
        raise AssertionError(f"/metrics answers {response.status_code}")

    def value(self, name: str) -> float:
        """The sum of a metric's samples; `name` is without the prefix that all of the server's metrics have."""
        samples = self.metrics()
        expect(f"punica_{name}" in samples, f"/metrics has no punica_{name}: {sorted(samples)}")
        return sum(value for _, value in samples[f"punica_{name}"])

    def running(self) -> float:
        return self.value("requests_running")

    def wait_until_idle(self, seconds: float = 20) -> None:
        """Fails the running check if requests still run after `seconds`."""
        end = time.monotonic() + seconds
        while (count := self.running()) > 0:
            expect(time.monotonic() < end, f"{count} requests still run {seconds} s after their clients left")
            time.sleep(0.05)


@dataclass
class Suite:
    """Checks in the order in which they were declared."""

    checks: list = field(default_factory=list)

    def check(self, name: str):
        def declare(function):
            self.checks.append((name, function))
            return function

        return declare

    def run(self, server: Server, only: str | None, verbose: bool) -> tuple[int, int]:
        passed = failed = 0
        random.seed(7)
        for name, function in self.checks:
            if only and only not in name:
                continue
            begin = time.monotonic()
            try:
                function(server)
                passed += 1
                print(f"ok    {name} ({time.monotonic() - begin:.2f} s)", flush=True)
            except Skip as reason:
                print(f"skip  {name}: {reason}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAIL  {name}: {type(error).__name__}: {str(error)[:600]}", flush=True)
                if verbose:
                    traceback.print_exc()
        return passed, failed


suite = Suite()
