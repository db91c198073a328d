"""/v1/completions: whole and streamed, usage, n, echo, prompts of every shape."""

from harness import Server, expect, same, suite


def collect(stream) -> tuple[dict, dict, list]:
    """Texts and finish reasons by choice index, and the usage objects of a completion stream."""
    texts, reasons, usages = {}, {}, []
    for chunk in stream:
        same(chunk.object, "text_completion", "object of a chunk")
        if chunk.usage is not None:
            usages.append(chunk.usage)
        for choice in chunk.choices:
            expect(choice.index not in reasons, f"choice {choice.index} goes on after its end")
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            if choice.finish_reason is not None:
                reasons[choice.index] = choice.finish_reason
    return texts, reasons, usages


@suite.check("completions: shape, usage and finish_reason length")
def plain(server: Server):
    for model in server.models:
        answer = server.complete(model, "Hello there", max_tokens=7)
        same(answer.object, "text_completion", "object")
        same(answer.model, model, "model")
        expect(answer.id.startswith("cmpl-"), f"id {answer.id}")
        same(answer.choices[0].finish_reason, "length", "finish_reason")
        same(answer.usage.completion_tokens, 7, "completion_tokens")
        expect(answer.usage.prompt_tokens > 0, "no prompt tokens")
        same(answer.usage.total_tokens, answer.usage.prompt_tokens + 7, "total_tokens")


@suite.check("completions: max_tokens defaults to 16")
def default_length(server: Server):
    answer = server.client.completions.create(model=server.base, prompt="Hello", extra_body={"ignore_eos": True})
    same(answer.usage.completion_tokens, 16, "completion_tokens")


@suite.check("completions: a stream is the whole answer in pieces, and ends with [DONE]")
def streamed(server: Server):
    subject = server.subject
    texts, reasons, usages = collect(server.complete(subject.model, subject.prompt, max_tokens=40, stream=True))
    same(texts[0], subject.text, "text")
    same(reasons, {0: "length"}, "finish reasons")
    same(usages, [], "usage that nobody asked for")
    body = {"model": subject.model, "prompt": subject.prompt, "stream": True, "max_tokens": 3}
    with server.raw.stream("POST", "/v1/completions", json=body) as response:
        same(response.status_code, 200, "status")
        expect(response.headers["content-type"].startswith("text/event-stream"), "content type")
        lines = [line for line in response.iter_lines() if line]
    expect(all(line.startswith("data: ") for line in lines), f"odd lines {lines}")
    same(lines[-1], "data: [DONE]", "last line")


@suite.check("completions: a stream comes in many pieces, not one")
def pieces(server: Server):
    subject = server.subject
    stream = server.complete(subject.model, subject.prompt, max_tokens=40, stream=True)
    chunks = sum(1 for chunk in stream if chunk.choices and chunk.choices[0].text)
    expect(chunks >= 4, f"{len(subject.text)} characters came in {chunks} pieces")


@suite.check("completions: stream_options include_usage adds one last chunk without choices")
def stream_usage(server: Server):
    last, others = None, []
    for chunk in server.complete(
        server.base, "Hello there", max_tokens=5, stream=True, stream_options={"include_usage": True}
    ):
        others += [last] if last is not None else []
        last = chunk
    same(last.choices, [], "choices of the last chunk")
    same(last.usage.completion_tokens, 5, "completion_tokens")
    whole = server.complete(server.base, "Hello there", max_tokens=5)
    same(last.usage.prompt_tokens, whole.usage.prompt_tokens, "prompt_tokens")
    same(last.usage.total_tokens, whole.usage.total_tokens, "total_tokens")
    expect(all(chunk.usage is None for chunk in others), "usage in a chunk before the last")


@suite.check("completions: n = 3 gives three choices, streamed and whole alike")
def several(server: Server):
    options = dict(n=3, temperature=1.5, seed=11, max_tokens=12)
    whole = server.complete(server.base, "One two", **options)
    same([c.index for c in whole.choices], [0, 1, 2], "indices")
    same(whole.usage.completion_tokens, 36, "completion_tokens")
    expect(len({c.text for c in whole.choices}) > 1, f"three equal samples: {whole.choices[0].text!r}")
    texts, reasons, _ = collect(server.complete(server.base, "One two", stream=True, **options))
    same(texts, {c.index: c.text for c in whole.choices}, "streamed texts")
    same(reasons, {0: "length", 1: "length", 2: "length"}, "finish reasons")


@suite.check("completions: a list of prompts gives each one's own answer, in order")
def batch(server: Server):
    prompts = ["Hello", "One two three", "The quick brown fox"]
    alone = [server.complete(server.base, prompt) for prompt in prompts]
    answer = server.complete(server.base, prompts)
    same([c.index for c in answer.choices], [0, 1, 2], "indices")
    same([c.text for c in answer.choices], [a.choices[0].text for a in alone], "texts")
    same(answer.usage.prompt_tokens, sum(a.usage.prompt_tokens for a in alone), "prompt_tokens")
    doubled = server.complete(server.base, prompts[:2], n=2)
    texts = [alone[0].choices[0].text] * 2 + [alone[1].choices[0].text] * 2
    same([c.text for c in doubled.choices], texts, "texts of two prompts with n = 2")


@suite.check("completions: token ids as prompt, one list and several")
def token_prompts(server: Server):
    first, second = [11, 12, 13, 14, 15], [21, 22, 23]
    one, other = server.complete(server.base, first), server.complete(server.base, second)
    same(one.usage.prompt_tokens, 5, "prompt_tokens")
    both = server.complete(server.base, [first, second])
    same([c.text for c in both.choices], [one.choices[0].text, other.choices[0].text], "texts")
    same(both.usage.prompt_tokens, 8, "prompt_tokens of both")


@suite.check("completions: tokens of /tokenize answer as the text does")
def tokenized(server: Server):
    subject = server.subject
    tokens = server.raw.post("/tokenize", json={"model": subject.model, "prompt": subject.prompt}).json()["tokens"]
    same(server.complete(subject.model, tokens, max_tokens=40).choices[0].text, subject.text, "text")


@suite.check("completions: echo repeats the prompt before the answer, streamed too")
def echo(server: Server):
    subject = server.subject
    answer = server.complete(subject.model, subject.prompt, max_tokens=40, echo=True)
    same(answer.choices[0].text, subject.prompt + subject.text, "text")
    stream = server.complete(subject.model, subject.prompt, max_tokens=40, echo=True, stream=True)
    same(collect(stream)[0][0], subject.prompt + subject.text, "streamed text")


@suite.check("completions: adapters answer differently from the base")
def adapters_differ(server: Server):
    prompts = ["Once upon a time", "abc def ghi", "Reverse: hello world", "2 + 2 ="]
    base = [c.text for c in server.complete(server.base, prompts, max_tokens=24).choices]
    for adapter in server.adapters:
        texts = [c.text for c in server.complete(adapter, prompts, max_tokens=24).choices]
        expect(texts != base, f"{adapter} answers all of {prompts} as the base does")
