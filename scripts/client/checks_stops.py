"""Stop strings: one, several, within a token and across tokens."""

from checks_completions import collect
from harness import Server, expect, same, suite


def stopped(server: Server, stop, expected: str, **options) -> None:
    """Checks text and finish reason of the subject's answer under `stop`, whole and streamed."""
    subject = server.subject
    whole = server.complete(subject.model, subject.prompt, max_tokens=40, stop=stop, **options)
    same(whole.choices[0].text, expected, f"text under stop {stop!r}")
    same(whole.choices[0].finish_reason, "stop", "finish_reason")
    expect(whole.usage.completion_tokens <= 40, "more tokens than allowed")
    texts, reasons, _ = collect(
        server.complete(subject.model, subject.prompt, max_tokens=40, stop=stop, stream=True, **options)
    )
    same(texts.get(0, ""), expected, f"streamed text under stop {stop!r}")
    same(reasons, {0: "stop"}, "streamed finish reasons")


@suite.check("stop: a string in the middle of the answer ends it there, itself left out")
def one(server: Server):
    text = server.subject.text
    stop = text[len(text) // 2 : len(text) // 2 + 3]
    stopped(server, stop, text[: text.find(stop)])


@suite.check("stop: a string that spans a token boundary")
def boundary(server: Server):
    subject = server.subject
    answer = server.complete(subject.model, subject.prompt, max_tokens=40, logprobs=0)
    offsets = [o - answer.choices[0].logprobs.text_offset[0] for o in answer.choices[0].logprobs.text_offset]
    tested = 0
    for offset in offsets[2:]:
        for before, after in ((1, 1), (2, 2), (3, 1), (1, 3)):
            start = offset - before
            stop = subject.text[max(start, 0) : offset + after]
            if start >= 0 and len(stop) == before + after and subject.text.find(stop) == start:
                stopped(server, stop, subject.text[:start])
                tested += 1
                break
        if tested == 6:
            return
    expect(tested > 0, f"no boundary in {subject.text!r} has a string of its own")


@suite.check("stop: of several strings the first to appear wins")
def several(server: Server):
    text = server.subject.text
    third = len(text) // 3
    stops = [text[-3:], "\u2603 never", text[third : third + 2], text[2 * third : 2 * third + 2]]
    stopped(server, stops, text[: min(text.find(s) for s in stops if s in text)])


@suite.check("stop: a string that never comes changes nothing")
def absent(server: Server):
    subject = server.subject
    # Begins like the end of the answer, so that a server which holds text back must let it go at the end.
    for stop in ("\u2603\u2603", subject.text[-2:] + "\u2603", subject.text[:2] + "\u2603"):
        answer = server.complete(subject.model, subject.prompt, max_tokens=40, stop=stop)
        same(answer.choices[0].text, subject.text, f"text under stop {stop!r}")
        same(answer.choices[0].finish_reason, "length", "finish_reason")
        stream = server.complete(subject.model, subject.prompt, max_tokens=40, stop=stop, stream=True)
        same(collect(stream)[0][0], subject.text, f"streamed text under stop {stop!r}")


@suite.check("stop: null and an empty list stop nothing")
def empty(server: Server):
    subject = server.subject
    for stop in (None, []):
        answer = server.complete(subject.model, subject.prompt, max_tokens=40, extra_body={"stop": stop})
        same(answer.choices[0].text, subject.text, f"text under stop {stop!r}")


@suite.check("stop: tokens after a stop string are not counted for long")
def counted(server: Server):
    subject = server.subject
    stop = subject.text[:2]
    answer = server.complete(subject.model, subject.prompt, max_tokens=40, stop=stop)
    expect(answer.usage.completion_tokens <= 4, f"{answer.usage.completion_tokens} tokens for {stop!r}")


@suite.check("stop: in chat")
def chat(server: Server):
    for model in server.models:
        options = dict(
            model=model, messages=[{"role": "user", "content": "Hello there"}], max_tokens=24, temperature=0,
            extra_body={"ignore_eos": True},
        )
        text = server.client.chat.completions.create(**options).choices[0].message.content
        if len(text) >= 4:
            answer = server.client.chat.completions.create(stop=[text[2:4]], **options).choices[0]
            same(answer.message.content, text[: text.find(text[2:4])], "content")
            same(answer.finish_reason, "stop", "finish_reason")
            return
    raise AssertionError("no model answers with four characters")
