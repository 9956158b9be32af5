"""A web server on loopback that a test tells how to answer, request by request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from ssl import SSLContext

import pytest

from loopback import Handler, listening

FILE = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Site:
    """What a running server was asked, and how it answers.

    Attributes:
        answer: writes the answer to a request; a test sets it.
        requests: method, path with its query and headers of each request so far.
    """

    uri: str = ""
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    requests: list[tuple[str, str, Message]] = field(default_factory=list)


@contextmanager
def serving(context: SSLContext | None = None) -> Iterator[Site]:
    """Run a server, with TLS if told how."""
    site = Site()

    class Answering(Handler):
        def do_GET(self) -> None:
            site.requests.append((self.command, self.path, self.headers))
            site.answer(self)

        do_HEAD = do_GET

    with listening(Answering, context) as site.uri:
        yield site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server for one test; retries do not wait."""
    monkeypatch.setattr("pipeline.sources.http.BACKOFF", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with serving() as site:
        yield site


def send(request: BaseHTTPRequestHandler, body: bytes | str = b"", status: int = 200, **headers: object) -> None:
    """Answer with a body; `Content_Type="text/html"` sets a header."""
    body = body.encode() if isinstance(body, str) else body
    request.send_response(status)
    for name, value in {"Content_Length": len(body), **headers}.items():
        request.send_header(name.replace("_", "-"), str(value))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def break_off(request: BaseHTTPRequestHandler, body: bytes, after: int, status: int = 200, **headers: object) -> None:
    """Promise a body and close the connection after some bytes of it."""
    request.send_response(status)
    for name, value in {"Content_Length": len(body), "Connection": "close", **headers}.items():
        request.send_header(name.replace("_", "-"), str(value))
    request.end_headers()
    request.wfile.write(body[:after])
    request.wfile.flush()
    request.close_connection = True


def send_range(request: BaseHTTPRequestHandler, body: bytes, etag: str, after: int | None = None) -> None:
    """Answer as servers do that know Range and If-Range; break off after some bytes, if told so."""
    start, status, headers = 0, 200, {"ETag": etag, "Accept_Ranges": "bytes"}
    if "Range" in request.headers and request.headers.get("If-Range", etag) == etag:
        start, status = int(request.headers["Range"].removeprefix("bytes=").rstrip("-")), 206
        headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    if after is None:
        send(request, body[start:], status, **headers)
    else:
        break_off(request, body[start:], after, status, **headers)
