"""/v1/chat/completions: whole and streamed, usage, n, max_completion_tokens, message shapes."""

from harness import Server, expect, same, suite

MESSAGES = [{"role": "user", "content": "Hello there"}]


def chat(server: Server, **options):
    options = {"model": server.base, "messages": MESSAGES, "temperature": 0, "max_tokens": 12} | options
    extra = {"ignore_eos": True} | options.pop("extra_body", {})
    return server.client.chat.completions.create(extra_body=extra, **options)


def collect(stream) -> tuple[dict, dict, list]:
    """Contents and finish reasons by choice index, and the usage objects of a chat stream."""
    contents, reasons, usages, roles = {}, {}, [], {}
    for chunk in stream:
        same(chunk.object, "chat.completion.chunk", "object of a chunk")
        if chunk.usage is not None:
            usages.append(chunk.usage)
        for choice in chunk.choices:
            expect(choice.index not in reasons, f"choice {choice.index} goes on after its end")
            if choice.delta.role is not None:
                expect(choice.index not in contents, "the role comes after the first text")
                roles[choice.index] = choice.delta.role
            if choice.delta.content:
                contents[choice.index] = contents.get(choice.index, "") + choice.delta.content
            if choice.finish_reason is not None:
                reasons[choice.index] = choice.finish_reason
    same(set(roles.values()), {"assistant"}, "roles")
    same(set(roles), set(reasons), "choices that open and choices that end")
    return contents, reasons, usages


@suite.check("chat: shape and usage, for the base and every adapter")
def plain(server: Server):
    for model in server.models:
        answer = chat(server, model=model)
        same(answer.object, "chat.completion", "object")
        same(answer.model, model, "model")
        expect(answer.id.startswith("chatcmpl-"), f"id {answer.id}")
        same(answer.choices[0].message.role, "assistant", "role")
        expect(isinstance(answer.choices[0].message.content, str), "no content")
        same(answer.choices[0].finish_reason, "length", "finish_reason")
        same(answer.usage.completion_tokens, 12, "completion_tokens")
        same(answer.usage.total_tokens, answer.usage.prompt_tokens + 12, "total_tokens")


@suite.check("chat: a stream is the whole answer in pieces, with one role and one end")
def streamed(server: Server):
    for model in server.models:
        whole = chat(server, model=model).choices[0].message.content
        contents, reasons, usages = collect(chat(server, model=model, stream=True))
        same(contents.get(0, ""), whole, f"content of {model}")
        same(reasons, {0: "length"}, "finish reasons")
        same(usages, [], "usage that nobody asked for")


@suite.check("chat: stream_options include_usage adds one last chunk without choices")
def stream_usage(server: Server):
    chunks = list(chat(server, stream=True, stream_options={"include_usage": True}))
    same(chunks[-1].choices, [], "choices of the last chunk")
    expect(all(chunk.usage is None for chunk in chunks[:-1]), "usage in a chunk before the last")
    whole = chat(server).usage
    same((chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens), (whole.prompt_tokens, 12), "usage")


@suite.check("chat: max_completion_tokens bounds the answer, and goes before max_tokens")
def bounds(server: Server):
    answer = chat(server, max_tokens=None, max_completion_tokens=5)
    same(answer.usage.completion_tokens, 5, "completion_tokens")
    same(answer.choices[0].finish_reason, "length", "finish_reason")
    same(chat(server, max_tokens=9, max_completion_tokens=5).usage.completion_tokens, 5, "completion_tokens of both")


@suite.check("chat: n = 3 gives three choices, streamed and whole alike")
def several(server: Server):
    # Hot, and all tokens in play: a model that is sure of itself would say the same three times.
    options = dict(n=3, temperature=2, presence_penalty=2, seed=5)
    whole = chat(server, **options)
    same([c.index for c in whole.choices], [0, 1, 2], "indices")
    expect(len({c.message.content for c in whole.choices}) > 1, "three equal samples")
    contents, reasons, _ = collect(chat(server, stream=True, **options))
    same([contents.get(i, "") for i in range(3)], [c.message.content for c in whole.choices], "streamed contents")
    same(reasons, {0: "length", 1: "length", 2: "length"}, "finish reasons")


@suite.check("chat: content as text parts is the same as a string")
def parts(server: Server):
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hello there"}]}]
    same(chat(server, messages=messages).choices[0].message.content, chat(server).choices[0].message.content, "content")


@suite.check("chat: a longer conversation has more prompt tokens and works")
def conversation(server: Server):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": "Hello there"},
    ]
    longer = chat(server, messages=messages)
    expect(longer.usage.prompt_tokens > chat(server).usage.prompt_tokens, "no more prompt tokens than one message")


@suite.check("chat: the answer without ignore_eos ends by stop or length")
def natural(server: Server):
    for model in server.models:
        answer = chat(server, model=model, max_tokens=64, extra_body={"ignore_eos": False})
        expect(answer.choices[0].finish_reason in ("stop", "length"), f"{answer.choices[0].finish_reason}")
        expect(1 <= answer.usage.completion_tokens <= 64, f"{answer.usage.completion_tokens} tokens")


@suite.check("chat: text beyond ASCII comes through whole, streamed too")
def unicode(server: Server):
    messages = [{"role": "user", "content": "naïve café 東京 🙂 \u0000 end"}]
    whole = chat(server, messages=messages).choices[0].message.content
    same(collect(chat(server, messages=messages, stream=True))[0].get(0, ""), whole, "content")
