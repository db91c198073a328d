"""/v1/models, /health, /ready and keys."""

import openai

from harness import Server, Skip, expect, same, suite


@suite.check("health and ready answer 200")
def health(server: Server):
    for path in ("/health", "/ready"):
        same(server.raw.get(path).status_code, 200, path)


@suite.check("models: the base has no parent, every adapter has the base as parent")
def parents(server: Server):
    body = server.raw.get("/v1/models").json()
    same(body["object"], "list", "object")
    ids = [card["id"] for card in body["data"]]
    same(len(ids), len(set(ids)), "number of distinct ids")
    for card in body["data"]:
        same(card["object"], "model", f"object of {card['id']}")
        expect(isinstance(card["created"], int) and isinstance(card["owned_by"], str), f"odd card {card}")
        if card["id"] in server.adapters:
            same(card["parent"], server.base, f"parent of {card['id']}")
    same([c["parent"] for c in body["data"] if c["id"] == server.base], [None], "parent of the base")


@suite.check("models: each can be retrieved by name")
def retrieve(server: Server):
    for model in server.models:
        same(server.client.models.retrieve(model).id, model, "id")


@suite.check("models: retrieving an unknown name is 404")
def retrieve_unknown(server: Server):
    try:
        server.client.models.retrieve("no-such-model")
    except openai.NotFoundError as error:
        same(error.code, "model_not_found", "code")
        return
    raise AssertionError("no NotFoundError")


@suite.check("keys: a wrong key and no key are 401")
def wrong_key(server: Server):
    if not server.key:
        raise Skip("no --key")
    try:
        server.client.with_options(api_key="wrong").completions.create(model=server.base, prompt="a")
    except openai.AuthenticationError as error:
        same(error.status_code, 401, "status")
        same(error.code, "invalid_api_key", "code")
    else:
        raise AssertionError("no AuthenticationError")
    response = server.raw.get("/v1/models", headers={"Authorization": ""})
    same(response.status_code, 401, "status without a key")
    expect("message" in response.json()["error"], "no error message")


@suite.check("keys: health needs none")
def open_health(server: Server):
    same(server.raw.get("/health", headers={"Authorization": ""}).status_code, 200, "status")
