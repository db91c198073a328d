"""Loading, replacing, pinning and unloading adapters while the server runs."""

import threading
from pathlib import Path

import openai

from harness import Server, Skip, expect, same, suite

PROMPTS = ["Once upon a time", "abc def ghi", "Reverse: hello world", "2 + 2 ="]
NAME = "client-check"


def directories(server: Server) -> list[str]:
    """Two adapter directories that the server can read."""
    if not server.adapters_directory:
        raise Skip("no --adapters-directory")
    found = sorted(str(p.parent.resolve()) for p in Path(server.adapters_directory).glob("*/adapter_config.json"))
    expect(len(found) >= 2, f"{server.adapters_directory} has {len(found)} adapters, two are needed")
    return found[:2]


def answers(server: Server, model: str) -> list[str]:
    return [choice.text for choice in server.complete(model, PROMPTS, max_tokens=24).choices]


def load(server: Server, path: str, status: int = 200, **options) -> dict:
    response = server.admin.post("/admin/adapters", json={"name": NAME, "path": path} | options)
    expect(response.status_code // 100 == status // 100, f"loading {path}: {response.status_code} {response.text}")
    return response.json()


def remove(server: Server) -> None:
    """Takes the test's name away if an earlier check left it."""
    server.admin.delete(f"/admin/adapters/{NAME}")


def described(server: Server, name: str) -> dict | None:
    body = server.admin.get("/admin/adapters").json()
    listed = body if isinstance(body, list) else body.get("data", body.get("adapters"))
    return next((entry for entry in listed if entry.get("name", entry.get("id")) == name), None)


def expect_unknown(server: Server, name: str) -> None:
    try:
        server.complete(name, "Hello", max_tokens=1)
    except openai.NotFoundError:
        return
    raise AssertionError(f"{name} still answers")


@suite.check("admin: the list has every adapter with bytes, tier, digest and hits")
def listed(server: Server):
    for name in server.adapters:
        entry = described(server, name)
        expect(entry is not None, f"{name} is not in /admin/adapters")
        same(len(entry["digest"]), 64, "length of the digest")
        expect(entry["bytes"] > 0, f"bytes of {entry}")
        for key in ("tier", "hits", "pinned"):
            expect(key in entry, f"no {key} in {entry}")


@suite.check("admin: a name loaded, served, listed with its parent, and unloaded")
def life(server: Server):
    remove(server)
    path = directories(server)[0]
    load(server, path)
    same(server.client.models.retrieve(NAME).parent, server.base, "parent")
    expect(NAME in [m.id for m in server.client.models.list()], "not in /v1/models")
    expect(answers(server, NAME) != answers(server, server.base), "answers as the base does")
    same(server.admin.delete(f"/admin/adapters/{NAME}").status_code // 100, 2, "status of DELETE / 100")
    expect(NAME not in [m.id for m in server.client.models.list()], "still in /v1/models")
    expect_unknown(server, NAME)
    same(server.admin.delete(f"/admin/adapters/{NAME}").status_code, 404, "status of a second DELETE")


@suite.check("admin: a taken name is refused unless replace is set; replacing changes the answers")
def replace(server: Server):
    remove(server)
    first, second = directories(server)
    load(server, first)
    before, digest = answers(server, NAME), described(server, NAME)["digest"]
    load(server, second, status=400)
    same(answers(server, NAME), before, "answers after the refused load")
    load(server, second, replace=True)
    expect(described(server, NAME)["digest"] != digest, "the digest did not change")
    after = answers(server, NAME)
    expect(after != before, "the answers did not change")
    load(server, first, replace=True)
    same(answers(server, NAME), before, "answers after going back")
    remove(server)


@suite.check("admin: a running stream keeps the version it began with while its name is replaced and removed")
def replace_while_running(server: Server):
    remove(server)
    first, second = directories(server)
    load(server, first)
    expected = server.complete(NAME, PROMPTS[0], max_tokens=60).choices[0].text
    text, replaced = "", False
    for chunk in server.complete(NAME, PROMPTS[0], max_tokens=60, stream=True):
        text += chunk.choices[0].text if chunk.choices else ""
        if not replaced:
            load(server, second, replace=True)
            remove(server)
            replaced = True
    same(text, expected, "text of the running stream")
    expect_unknown(server, NAME)


@suite.check("admin: pin and unpin show in the list, unknown names are 404")
def pin(server: Server):
    remove(server)
    load(server, directories(server)[0], pinned=True)
    same(described(server, NAME)["pinned"], True, "pinned after loading")
    for verb, wanted in (("unpin", False), ("pin", True), ("unpin", False)):
        same(server.admin.post(f"/admin/adapters/{NAME}/{verb}").status_code // 100, 2, f"status of {verb} / 100")
        same(described(server, NAME)["pinned"], wanted, f"pinned after {verb}")
    same(server.admin.post("/admin/adapters/no-such-adapter/pin").status_code, 404, "status for an unknown name")
    remove(server)


@suite.check("admin: bad loads are refused with a reason, and change nothing")
def bad_loads(server: Server):
    remove(server)
    directory = directories(server)[0]
    for body in ({"name": NAME, "path": "/no/such/folder"}, {"name": NAME}, {"path": directory}, {}, [],
                 {"name": "", "path": directory}, {"name": NAME, "path": 5}, {"name": server.base, "path": directory},
                 {"name": NAME, "path": str(Path(directory) / "adapter_config.json")}):
        response = server.admin.post("/admin/adapters", json=body)
        same(response.status_code // 100, 4, f"status / 100 for {body}")
        expect(response.json()["error"]["message"], f"no message for {body}")
    expect_unknown(server, NAME)


@suite.check("admin: the routes want the admin key, not the ordinary one")
def admin_key(server: Server):
    if not server.admin_key:
        raise Skip("no --admin-key")
    for key in ("", "Bearer wrong", f"Bearer {server.key or 'none'}"):
        for method, path in (("GET", "/admin/adapters"), ("POST", "/admin/adapters"),
                             ("DELETE", f"/admin/adapters/{server.adapters[0]}"), ("POST", "/v1/load_lora_adapter"),
                             ("POST", "/v1/unload_lora_adapter")):
            response = server.admin.request(method, path, headers={"Authorization": key}, json={})
            expect(response.status_code in (401, 403), f"{method} {path} with {key!r}: {response.status_code}")
    expect(server.adapters[0] in [m.id for m in server.client.models.list()], "an adapter was removed")


@suite.check("vllm: load_lora_adapter and unload_lora_adapter")
def vllm_routes(server: Server):
    remove(server)
    path = directories(server)[0]
    load_body = {"lora_name": NAME, "lora_path": path}
    same(server.admin.post("/v1/load_lora_adapter", json=load_body).status_code, 200, "status of loading")
    expect(answers(server, NAME) != answers(server, server.base), "answers as the base does")
    same(server.admin.post("/v1/load_lora_adapter", json=load_body).status_code // 100, 4, "status of loading again")
    unload = server.admin.post("/v1/unload_lora_adapter", json={"lora_name": NAME})
    same(unload.status_code, 200, "status of unloading")
    expect_unknown(server, NAME)
    same(server.admin.post("/v1/unload_lora_adapter", json={"lora_name": NAME}).status_code, 404, "unloading again")
    same(server.admin.post("/v1/load_lora_adapter", json={"lora_name": NAME}).status_code, 400, "without a path")


@suite.check("admin: adapters come and go while others answer the same")
def churn(server: Server):
    remove(server)
    first, second = directories(server)
    subject, stop, wrong = server.subject, threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            try:
                text = server.complete(subject.model, subject.prompt, max_tokens=40).choices[0].text
                if text != subject.text:
                    wrong.append(text)
            except Exception as error:
                wrong.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(6):
            load(server, first if turn % 2 else second, replace=True)
            server.complete(NAME, "Hello", max_tokens=2)
            remove(server)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    same(wrong, [], "answers that differ")
