"""Bad values: each is a 400 that names the field, and the server goes on."""

import openai

from harness import Server, expect, same, suite

USER = [{"role": "user", "content": "Hello"}]


def refused(server: Server, field: str | None, chat: bool = False, status: type = openai.BadRequestError, **options):
    """Checks that the request fails with `status`, `param` being `field`, and that the message says more than that."""
    try:
        if chat:
            server.client.chat.completions.create(**({"model": server.base, "messages": USER} | options))
        else:
            server.client.completions.create(**({"model": server.base, "prompt": "Hello"} | options))
    except status as error:
        expect(isinstance(error.body, dict) and error.body.get("message"), f"odd body {error.body}")
        expect(error.type is not None, f"no type in {error.body}")
        if field is not None:
            expect(error.param is not None and error.param.startswith(field), f"param {error.param}, not {field}")
        return error
    raise AssertionError(f"{options} was accepted")


@suite.check("errors: an unknown model is 404 model_not_found and never answered by the base")
def unknown_model(server: Server):
    for name in ("no-such-model", server.base + " ", "../" + server.base, server.base.upper() + "-X"):
        for chat in (False, True):
            error = refused(server, None, chat=chat, status=openai.NotFoundError, model=name)
            same(error.code, "model_not_found", "code")
            expect(name in str(error.body["message"]), f"{name} is not in {error.body}")


@suite.check("errors: sampling values out of range are 400 with param and value")
def ranges(server: Server):
    cases = {
        "temperature": [-0.1, 2.5, 1e9], "top_p": [-1, 1.5], "n": [0, -1, 100_000],
        "max_tokens": [0, -5], "presence_penalty": [-3, 3], "frequency_penalty": [2.1],
    }
    for field, values in cases.items():
        for value in values:
            for chat in (False, True):
                error = refused(server, field, chat=chat, **{field: value})
                expect(str(error.param) == field, f"param {error.param}")
    for field, value in {"top_k": -2, "min_p": 2, "repetition_penalty": 0}.items():
        refused(server, field, extra_body={field: value})
    message = str(refused(server, "temperature", temperature=2.5).body["message"])
    expect("2.5" in message and "2" in message, f"no value or bound in {message!r}")


@suite.check("errors: values of another JSON type are 400 with param")
def types(server: Server):
    cases = {
        "temperature": "hot", "n": "3", "max_tokens": 1.5, "stream": "yes", "stop": 7, "seed": "x", "logit_bias": [1],
        "model": 5, "stream_options": 3,
    }
    for field, value in cases.items():
        response = server.raw.post("/v1/completions", json={"model": server.base, "prompt": "a"} | {field: value})
        same(response.status_code, 400, f"status for {field}={value!r}")
        same(response.json()["error"]["param"], field, "param")


@suite.check("errors: logprobs and logit_bias out of range")
def reports(server: Server):
    refused(server, "logprobs", logprobs=1000)
    refused(server, "logprobs", logprobs=-1)
    refused(server, "top_logprobs", chat=True, logprobs=True, top_logprobs=1000)
    refused(server, "top_logprobs", chat=True, top_logprobs=2)
    refused(server, "logit_bias", logit_bias={"5": 101})
    refused(server, "logit_bias", logit_bias={"x": 1})
    refused(server, "logit_bias", logit_bias={"999999999": 1})


@suite.check("errors: too many or empty stop strings")
def stops(server: Server):
    refused(server, "stop", stop=[str(i) for i in range(1000)])
    refused(server, "stop", stop="")
    refused(server, "stop", stop=["a", ""])


@suite.check("errors: missing and empty prompts")
def prompts(server: Server):
    for prompt in (None, [], [[]], {"text": "a"}, 5, [1, "a"], ["a", 1], [-1], [10**9], [1.5]):
        response = server.raw.post("/v1/completions", json={"model": server.base, "prompt": prompt})
        same(response.status_code, 400, f"status for {prompt!r}")
        expect(str(response.json()["error"]["param"]).startswith("prompt"), f"param for {prompt!r}: {response.text}")
    same(server.raw.post("/v1/completions", json={"prompt": "a"}).json()["error"]["param"], "model", "param")


@suite.check("errors: empty or odd messages")
def messages(server: Server):
    cases = [
        None, [], "Hello", [{}], [{"role": "user"}], [{"role": "wizard", "content": "a"}], [{"content": "a"}], ["a"],
        [{"role": "user", "content": 5}], [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
    ]
    for case in cases:
        response = server.raw.post("/v1/chat/completions", json={"model": server.base, "messages": case})
        same(response.status_code, 400, f"status for {case!r}")
        expect(str(response.json()["error"]["param"]).startswith("messages"), f"param for {case!r}: {response.text}")


@suite.check("errors: stream_options without stream")
def options(server: Server):
    refused(server, "stream_options", stream_options={"include_usage": True})


@suite.check("errors: what is not implemented is refused by name")
def unsupported(server: Server):
    refused(server, "suffix", suffix="end")
    refused(server, "response_format", chat=True, response_format={"type": "json_object"})
    refused(server, "best_of", best_of=4, n=1)


@suite.check("errors: a prompt longer than the context is 400 context_length_exceeded")
def long_prompt(server: Server):
    limit = context(server)
    error = refused(server, None, prompt=[7] * (limit + 1), max_tokens=1)
    same(error.code, "context_length_exceeded", "code")
    expect(str(limit) in str(error.body["message"]), f"no limit in {error.body['message']!r}")
    error = refused(server, None, prompt=[7] * (limit - 4), max_tokens=50)
    same(error.code, "context_length_exceeded", "code of prompt plus answer")
    refused(server, None, chat=True, messages=[{"role": "user", "content": "word " * limit * 2}])


@suite.check("errors: a prompt that just fits is answered")
def fitting_prompt(server: Server):
    limit = context(server)
    answer = server.complete(server.base, [7] * (limit - 4), max_tokens=4)
    same(answer.usage.prompt_tokens, limit - 4, "prompt_tokens")
    same(answer.usage.completion_tokens, 4, "completion_tokens")


@suite.check("errors: an error in a streaming request has a status too")
def streaming(server: Server):
    refused(server, "temperature", temperature=9, stream=True)
    refused(server, None, status=openai.NotFoundError, model="no-such-model", stream=True)


@suite.check("errors: one bad prompt of several refuses the whole request")
def one_of_several(server: Server):
    refused(server, "prompt", prompt=[[5, 6], [10**8]])
    server.wait_until_idle()


def context(server: Server) -> int:
    """The context length: the argument, or what the base's card says."""
    if server.context:
        return server.context
    card = server.client.models.retrieve(server.base)
    limit = getattr(card, "max_model_len", None)
    expect(isinstance(limit, int), "the base's card has no max_model_len; give --context")
    return limit
