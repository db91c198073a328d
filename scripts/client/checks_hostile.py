"""Raw HTTP that no well-behaved client sends."""

import json
import select
import socket
import urllib.parse

from harness import Server, expect, same, suite


def connect(server: Server) -> socket.socket:
    parts = urllib.parse.urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=60)


def head(server: Server, length: int | None, path: str = "/v1/completions") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: test", "Content-Type: application/json"]
    if server.key:
        lines.append(f"Authorization: Bearer {server.key}")
    lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status_while_sending(server: Server, first: bytes, piece: bytes, limit: int) -> int:
    """Sends `piece` over and over until an answer comes or `limit` bytes have gone; the answer's status."""
    with connect(server) as connection:
        connection.sendall(first)
        sent, answer = 0, b""
        try:
            while sent < limit:
                if select.select([connection], [], [], 0)[0]:
                    break
                connection.sendall(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while b"\r\n" not in answer and (data := connection.recv(4096)):
                answer += data
        except ConnectionResetError:
            pass
    expect(answer.startswith(b"HTTP/1.1 "), f"no status line after {sent} bytes: {answer[:80]!r}")
    return int(answer[9:12])


def good(server: Server) -> bytes:
    return json.dumps({"model": server.base, "prompt": "Hello", "max_tokens": 2}).encode()


@suite.check("http: malformed JSON is 400 in OpenAI's shape")
def malformed(server: Server):
    nested = b'{"model": "x", "prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    bodies = [
        b"", b"{", b"[]", b"null", b"5", b"nonsense", b'{"model": }', b'{"model": "x", "prompt": "a",}', b"\xff\xfe{}",
        b'{"temperature": NaN}', b'{"model": "x", "prompt": "\\ud800"}', nested, good(server) + b"x",
    ]
    for path in ("/v1/completions", "/v1/chat/completions"):
        for body in bodies:
            response = server.raw.post(path, content=body, headers={"Content-Type": "application/json"})
            same(response.status_code, 400, f"status for {body[:40]!r}")
            error = response.json()["error"]
            same(set(error), {"message", "type", "param", "code"}, "keys of the error")
            same(error["type"], "invalid_request_error", "type")


@suite.check("http: numbers beyond every range are 400")
def numbers(server: Server):
    largest = str(2**63 - 1)
    for text in ("1e400", "-1e400", "99999999999999999999999", "-9223372036854775809", largest, "1e-400000"):
        for field in ("max_tokens", "min_tokens", "temperature", "n", "top_k"):
            body = good(server)[:-1] + f', "{field}": {text}}}'.encode()
            status = server.raw.post("/v1/completions", content=body).status_code
            # 1e-400000 is 0, a temperature; all else is out of range.
            harmless = text == "1e-400000" or (text, field) == (largest, "top_k")
            allowed = (200, 400) if harmless else (400,)
            expect(status in allowed, f"status {status} for {field} = {text}")


@suite.check("http: a body over the limit is 413, announced or in chunks")
def large(server: Server):
    piece = b" " * (1 << 16)
    same(status_while_sending(server, head(server, 1 << 33), piece, 1 << 28), 413, "status with a length")
    chunk = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    same(status_while_sending(server, head(server, None), chunk, 1 << 28), 413, "status in chunks")


@suite.check("http: an unknown route is 404 in OpenAI's shape")
def unknown_route(server: Server):
    for path in ("/v1/no-such-route", "/v2/completions", "/v1/completions/x", "/v1"):
        response = server.raw.post(path, content=good(server))
        same(response.status_code, 404, f"status of {path}")
        expect("message" in response.json()["error"], f"no message for {path}")


@suite.check("http: a wrong method is 405")
def method(server: Server):
    for name, path in (("GET", "/v1/completions"), ("GET", "/v1/chat/completions"), ("POST", "/v1/models"),
                       ("DELETE", "/v1/completions"), ("POST", "/health")):
        response = server.raw.request(name, path)
        same(response.status_code, 405, f"status of {name} {path}")
        expect("message" in response.json()["error"], f"no message for {name} {path}")


@suite.check("http: garbage, half requests and clients that vanish disturb nobody")
def garbage(server: Server):
    for data in (b"\x00\xff" * 500, b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/completions HTTP/1.1\r\nHost: t\r\n",
                 head(server, 100) + b"{", head(server, -1), b"A" * 100_000, b"\r\n" * 100):
        with connect(server) as connection:
            connection.sendall(data)
    same(server.raw.get("/health").status_code, 200, "health afterwards")
    same(server.complete(server.base, "Hello", max_tokens=2).usage.completion_tokens, 2, "completion_tokens")


@suite.check("http: one connection serves many requests, errors between them")
def keep_alive(server: Server):
    for _ in range(5):
        same(server.raw.post("/v1/completions", content=good(server)).status_code, 200, "status")
        same(server.raw.post("/v1/completions", content=b"{").status_code, 400, "status")


@suite.check("http: white space around and within the JSON does no harm")
def spaced(server: Server):
    body = b"  \r\n\t" + good(server).replace(b", ", b" ,\n ") + b"\n"
    response = server.raw.post("/v1/completions", content=body, headers={"Content-Type": "application/json"})
    same(response.status_code, 200, "status")
