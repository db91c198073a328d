"""/metrics by the rules of Prometheus' text format."""

from prometheus_client.parser import text_string_to_metric_families

from checks_load import generated
from harness import Server, expect, same, suite


def families(server: Server) -> dict:
    return {family.name: family for family in text_string_to_metric_families(server.metrics_text())}


@suite.check("metrics: parse, with a type and help for each, and no sample twice")
def parse(server: Server):
    found = families(server)
    expect(len(found) >= 10, f"only {sorted(found)}")
    for name, family in found.items():
        expect(family.type in ("counter", "gauge", "histogram"), f"{name} has type {family.type}")
        expect(family.documentation, f"{name} has no help")
        keys = [(s.name, tuple(sorted(s.labels.items()))) for s in family.samples]
        same(len(keys), len(set(keys)), f"distinct samples of {name}")
        if family.type == "counter":
            expect(all(s.name.endswith("_total") and s.value >= 0 for s in family.samples), f"samples of {name}")


@suite.check("metrics: histograms are cumulative, end in +Inf and agree with their count")
def histograms(server: Server):
    tested = 0
    for name, family in families(server).items():
        if family.type != "histogram":
            continue
        series: dict = {}
        for sample in family.samples:
            rest = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
            part = series.setdefault(rest, {"buckets": [], "count": None, "sum": None})
            if sample.name.endswith("_bucket"):
                part["buckets"].append((float(sample.labels["le"]), sample.value))
            elif sample.name.endswith("_count"):
                part["count"] = sample.value
            elif sample.name.endswith("_sum"):
                part["sum"] = sample.value
        for labels, part in series.items():
            bounds, counts = zip(*part["buckets"])
            same(list(bounds), sorted(bounds), f"bounds of {name} {labels}")
            same(bounds[-1], float("inf"), f"last bound of {name} {labels}")
            same(list(counts), sorted(counts), f"counts of {name} {labels}")
            same(counts[-1], part["count"], f"count of {name} {labels}")
            expect(part["sum"] is not None and part["sum"] >= 0, f"sum of {name} {labels}")
            tested += 1
    expect(tested >= 2, f"{tested} histograms")


@suite.check("metrics: token counters rise by exactly what an answer's usage says")
def tokens(server: Server):
    server.wait_until_idle()
    before = generated(server), server.value("prompt_tokens_total")
    usage = server.complete(server.base, "Hello there, metrics", max_tokens=9).usage
    server.wait_until_idle()
    after = generated(server), server.value("prompt_tokens_total")
    same(after[0] - before[0], 9, "generated tokens")
    same(after[1] - before[1], usage.prompt_tokens, "prompt tokens")


@suite.check("metrics: the gauge that inference gateways read has its three labels")
def gateway(server: Server):
    wanted = {"max_lora", "running_lora_adapters", "waiting_lora_adapters"}
    for family in families(server).values():
        for sample in family.samples:
            if wanted <= set(sample.labels):
                expect(int(sample.labels["max_lora"]) >= 1, f"max_lora is {sample.labels['max_lora']}")
                return
    raise AssertionError(f"no sample has the labels {wanted}")


@suite.check("metrics: served as text/plain version 0.0.4")
def content_type(server: Server):
    for client in (server.raw, server.admin):
        response = client.get("/metrics")
        if response.status_code == 200:
            kind = response.headers["content-type"]
            expect(kind.startswith("text/plain") and "version=0.0.4" in kind, f"content type {kind}")
            expect(response.text.endswith("\n"), "no newline at the end")
            return
    raise AssertionError("/metrics does not answer 200")
