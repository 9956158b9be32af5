"""A proxy on loopback before an S3 server, which spoils the answers that a test tells it to."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from loopback import Handler, listening

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
HOP = {"connection", "expect", "transfer-encoding", "keep-alive"}  # headers between two neighbours only
FAULTS = ("slow_down", "reset", "lose_answer", "stall", "truncate", "corrupt")


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        plan: gets number (from 0), method and path of a request; says which fault it meets, if any.
        stall: seconds that an answer waits in its middle before its connection breaks.
        requests: method and path of each request so far.
        met: the faults so far.
    """

    uri: str = ""
    plan: Callable[[int, str, str], str | None] = lambda *_: None
    stall: float = 5
    requests: list[tuple[str, str]] = field(default_factory=list)
    met: list[str] = field(default_factory=list)

    def reset(self, plan: Callable[[int, str, str], str | None]) -> None:
        self.plan, self.requests, self.met = plan, [], []


@contextmanager
def proxying(endpoint: str) -> Iterator[Proxy]:
    """Run a proxy before a server."""
    proxy = Proxy()
    upstream = urlsplit(endpoint)
    lock = threading.Lock()

    class Answering(Handler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                fault = proxy.plan(len(proxy.requests), self.command, self.path)
                proxy.requests.append((self.command, self.path))
                proxy.met += [fault] if fault else []
            if fault == "slow_down":
                return self.answer(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
            if fault == "reset":
                return self.break_off()
            if fault == "corrupt" and body:
                body = spoil(body)
            status, headers, content = self.ask(body)
            if fault == "lose_answer":
                return self.break_off()
            if fault == "corrupt" and self.command == "GET":
                content = spoil(content)
            self.answer(status, headers, content, len(content) // 2 if fault in ("truncate", "stall") else None)
            if fault in ("truncate", "stall"):
                self.wfile.flush()
                time.sleep(proxy.stall if fault == "stall" else 0)
                self.break_off()

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

        def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            """Ask the server the same; Host stays as it is, for it is signed."""
            connection = http.client.HTTPConnection(upstream.netloc, timeout=60)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            answer = response.status, dict(response.getheaders()), response.read()
            connection.close()
            return answer

        def answer(self, status: int, headers: dict[str, str], content: bytes, most: int | None = None) -> None:
            length = headers.get("Content-Length", str(len(content)))
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[:most])

    with listening(Answering) as proxy.uri:
        yield proxy


def spoil(content: bytes) -> bytes:
    """Change one byte in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else content
