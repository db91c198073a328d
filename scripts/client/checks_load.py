"""Many clients at once, and clients that leave."""

import asyncio
import time

import httpx2

from harness import Server, expect, same, suite

PROMPTS = ["Once upon a time", "abc def ghi", "Reverse: hello world", "2 + 2 =", "Hello"]


async def stream(client, model: str, prompt: str, options: dict) -> str:
    """The text of one streamed completion."""
    text = ""
    async for chunk in await client.completions.create(
        model=model, prompt=prompt, stream=True, extra_body={"ignore_eos": True}, **options
    ):
        text += chunk.choices[0].text if chunk.choices else ""
    return text


async def together(server: Server, jobs: list) -> list[str]:
    async with server.asynchronous() as client:
        return await asyncio.gather(*(stream(client, *job) for job in jobs))


@suite.check("load: 40 concurrent streams over all adapters each equal their answer alone")
def concurrent(server: Server):
    jobs = []
    for index in range(40):
        model = server.models[index % len(server.models)]
        options = {"max_tokens": 12 + index % 9}
        options |= {"temperature": 0} if index % 2 else {"temperature": 0.9, "seed": index}
        jobs.append((model, PROMPTS[index % len(PROMPTS)], options))
    alone = [asyncio.run(together(server, [job]))[0] for job in jobs]
    for _ in range(2):
        for job, text, expected in zip(jobs, asyncio.run(together(server, jobs)), alone):
            same(text, expected, f"text of {job}")


@suite.check("load: the same prompt under every model at once, in all orders, never shares an answer")
def same_prompt(server: Server):
    jobs = [(model, PROMPTS[0] + " " + "and then " * 20, {"max_tokens": 16, "temperature": 0})
            for model in server.models]
    alone = {job[0]: asyncio.run(together(server, [job]))[0] for job in jobs}
    for order in (jobs, jobs[::-1], jobs[1:] + jobs[:1]):
        for job, text in zip(order, asyncio.run(together(server, order))):
            same(text, alone[job[0]], f"text of {job[0]}")


def long_answer(server: Server) -> int:
    """An answer long enough to be left half-way, within the context."""
    card = server.client.models.retrieve(server.base)
    return (server.context or getattr(card, "max_model_len", 512)) - 64


def generated(server: Server) -> float:
    """Tokens that the server has generated since its start."""
    return server.value("generation_tokens_total")


@suite.check("load: clients that leave mid-stream free their places")
def disconnect(server: Server):
    server.wait_until_idle()
    length, seen, before = long_answer(server), [], generated(server)

    async def one(client) -> None:
        answer = await client.completions.create(
            model=server.base, prompt="Once", max_tokens=length, stream=True, extra_body={"ignore_eos": True}
        )
        async for _ in answer:
            break
        seen.append(await asyncio.to_thread(server.running))
        await answer.close()

    async def all_of_them() -> None:
        async with server.asynchronous() as client:
            await asyncio.gather(*(one(client) for _ in range(12)))

    asyncio.run(all_of_them())
    expect(max(seen) >= 1, "no request was seen to run")
    server.wait_until_idle()
    expect(generated(server) - before < 12 * length, "the answers were generated to their end")


@suite.check("load: clients that leave before an answer that is not streamed free their places")
def disconnect_whole(server: Server):
    server.wait_until_idle()
    body = {"model": server.base, "prompt": ["Once"] * 8, "max_tokens": long_answer(server), "ignore_eos": True}
    before = generated(server)
    try:
        server.raw.post("/v1/completions", json=body, timeout=0.2)
    except httpx2.TimeoutException:
        pass
    else:
        # So fast a server had nothing left to cancel.
        return
    server.wait_until_idle()
    expect(generated(server) - before < 8 * body["max_tokens"], "the answers were generated to their end")


@suite.check("load: after all that, an answer is still the same, and nothing waits")
def afterwards(server: Server):
    server.wait_until_idle()
    subject = server.subject
    same(server.complete(subject.model, subject.prompt, max_tokens=40).choices[0].text, subject.text, "text")
    same(server.value("requests_waiting"), 0, "waiting requests")


@suite.check("load: a slow reader gets its whole answer while others are served")
def slow_reader(server: Server):
    subject = server.subject
    text = ""
    for chunk in server.complete(subject.model, subject.prompt, max_tokens=40, stream=True):
        text += chunk.choices[0].text if chunk.choices else ""
        if len(text) < 10:
            time.sleep(0.1)
            server.complete(server.base, "Hello", max_tokens=1)
    same(text, subject.text, "text")
