"""Seeds, temperature 0, logit bias and log probabilities."""

import math

from harness import Server, expect, same, suite


@suite.check("sampling: temperature 0 gives the same answer every time")
def greedy(server: Server):
    subject = server.subject
    for _ in range(3):
        same(server.complete(subject.model, subject.prompt, max_tokens=40).choices[0].text, subject.text, "text")
    one = server.complete(subject.model, subject.prompt, max_tokens=40, temperature=1, extra_body={"top_k": 1})
    same(one.choices[0].text, subject.text, "text with top_k 1")


@suite.check("sampling: the same seed gives the same answer, other seeds others")
def seeds(server: Server):
    def text(seed: int) -> str:
        return server.complete(server.base, "Tell me", temperature=1.5, seed=seed, max_tokens=20).choices[0].text

    first = [text(seed) for seed in range(5)]
    same([text(seed) for seed in range(5)], first, "texts of the second round")
    expect(len(set(first)) >= 3, f"five seeds gave {len(set(first))} answers: {first}")


@suite.check("sampling: without a seed two requests differ")
def unseeded(server: Server):
    texts = [
        server.complete(server.base, "Tell me", temperature=2, max_tokens=20).choices[0].text for _ in range(4)
    ]
    expect(len(set(texts)) > 1, f"four requests gave the same answer: {texts[0]!r}")


@suite.check("sampling: logit_bias 100 forces a token, -100 bans it")
def bias(server: Server):
    def tokens(biases: dict) -> list:
        answer = server.complete(server.base, "Hello", max_tokens=6, logit_bias=biases, logprobs=0)
        return answer.choices[0].logprobs.tokens

    first, second = tokens({"70": 100}), tokens({"75": 100})
    same(len(set(first)), 1, f"distinct tokens of {first}")
    expect(first != second, f"tokens 70 and 75 both give {first}")
    same(tokens({"70": 100, "75": -100}), first, "tokens with 75 banned")
    free = tokens({})
    banned = server.raw.post("/tokenize", json={"model": server.base, "prompt": free[0], "add_special_tokens": False})
    ids = banned.json()["tokens"]
    # The text is that of one token, and of no other: banning it must show.
    if len(ids) == 1 and tokens({str(ids[0]): 100})[0] == free[0]:
        expect(tokens({str(ids[0]): -100})[0] != free[0], f"token {ids[0]} was banned and came all the same")


def is_subsequence(text: str, whole: str) -> bool:
    rest = iter(whole)
    return all(character in rest for character in text)


@suite.check("logprobs: completions with logprobs = 3")
def completion_logprobs(server: Server):
    subject = server.subject
    answer = server.complete(subject.model, subject.prompt, max_tokens=12, logprobs=3)
    choice = answer.choices[0]
    report = choice.logprobs
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        same(len(getattr(report, name)), 12, f"entries of {name}")
    # Special tokens are reported but not shown, so the text is the tokens' with some left out.
    expect(is_subsequence(choice.text, "".join(report.tokens)), "the text is not made of the tokens")
    for token, logprob, top in zip(report.tokens, report.token_logprobs, report.top_logprobs):
        expect(-1e6 < logprob <= 1e-4, f"logprob {logprob}")
        expect(1 <= len(top) <= 4, f"{len(top)} alternatives for {token!r}")
        expect(abs(max(top.values()) - logprob) < 1e-4, f"greedy {token!r} is not the likeliest of {top}")
        expect(sum(math.exp(v) for v in top.values()) <= 1.001, f"probabilities of {top} add to over 1")
    expect(report.text_offset == sorted(report.text_offset), f"offsets {report.text_offset}")


@suite.check("logprobs: completions with logprobs = 0 report the chosen token alone")
def zero_logprobs(server: Server):
    report = server.complete(server.base, "Hello", max_tokens=4, logprobs=0).choices[0].logprobs
    same(len(report.token_logprobs), 4, "entries")
    expect(all(not top or len(top) == 1 for top in report.top_logprobs or []), "alternatives without being asked")


@suite.check("logprobs: absent unless asked for")
def no_logprobs(server: Server):
    same(server.complete(server.base, "Hello", max_tokens=2).choices[0].logprobs, None, "logprobs")


@suite.check("logprobs: a completion stream carries the same ones")
def streamed_logprobs(server: Server):
    whole = server.complete(server.base, "Hello", max_tokens=10, logprobs=2).choices[0].logprobs
    tokens, values, offsets = [], [], []
    for chunk in server.complete(server.base, "Hello", max_tokens=10, logprobs=2, stream=True):
        for choice in chunk.choices:
            if choice.logprobs is not None:
                tokens += choice.logprobs.tokens
                values += choice.logprobs.token_logprobs
                offsets += choice.logprobs.text_offset
    same(tokens, whole.tokens, "tokens")
    expect(all(abs(a - b) < 1e-3 for a, b in zip(values, whole.token_logprobs)), "logprobs differ")
    same(offsets, whole.text_offset, "offsets")


@suite.check("logprobs: chat with top_logprobs = 5")
def chat_logprobs(server: Server):
    answer = server.client.chat.completions.create(
        model=server.base, messages=[{"role": "user", "content": "Hello"}], max_tokens=10, temperature=0,
        logprobs=True, top_logprobs=5,
    )
    content = answer.choices[0].logprobs.content
    same(len(content), answer.usage.completion_tokens, "entries")
    for entry in content:
        same(len(entry.top_logprobs), 5, "alternatives")
        ranks = [top.logprob for top in entry.top_logprobs]
        same(ranks, sorted(ranks, reverse=True), "order of alternatives")
        same(entry.top_logprobs[0].token, entry.token, "likeliest token under temperature 0")
        expect(abs(entry.logprob - ranks[0]) < 1e-4 and entry.logprob <= 1e-4, f"logprob {entry.logprob}")
    shown = content if answer.choices[0].finish_reason == "length" else content[:-1]
    data = b"".join(bytes(entry.bytes or []) for entry in shown)
    text = answer.choices[0].message.content
    expect(data.decode(errors="replace").startswith(text.rstrip("\ufffd")), f"bytes {data!r} do not spell {text!r}")


@suite.check("logprobs: chat without top_logprobs lists no alternatives")
def chat_plain_logprobs(server: Server):
    answer = server.client.chat.completions.create(
        model=server.base, messages=[{"role": "user", "content": "Hello"}], max_tokens=3, logprobs=True
    )
    expect(len(answer.choices[0].logprobs.content) > 0, "no entries")
    expect(all(not entry.top_logprobs for entry in answer.choices[0].logprobs.content), "alternatives")


