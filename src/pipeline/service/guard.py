"""Who may ask: a bearer token, or a cookie that a browser gets for it; and the headers that every answer carries."""

import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "service"
OPEN = ("/health", "/login", "/static/")  # need no token
LOGIN = Path(__file__).with_name("login.html")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
# Pages load nothing from elsewhere; those of the bundle and of the API hold scripts and styles of their own.
POLICY = "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


class Guard:
    """ASGI middleware: without the token there is no answer but that of the OPEN paths."""

    def __init__(self, app: ASGIApp, token: str | None):
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                more = {**HEADERS, "Content-Security-Policy": POLICY}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in more.items() if k.lower().encode() not in present),
                ]
            await send(message)

        if scope["type"] != "http" or self.token is None or is_open(path_of(scope)) or self.knows(scope):
            await self.app(scope, receive, send_with_headers)
        else:
            await refuse(scope, send_with_headers)

    def knows(self, scope: Scope) -> bool:
        """Whether a request brings the token or its cookie; compared in constant time."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer" and same(given.strip().decode("latin-1"), self.token):
            return True
        cookies = dict(part.strip().partition(b"=")[::2] for part in headers.get(b"cookie", b"").split(b";"))
        return same(cookies.get(COOKIE.encode(), b"").decode("latin-1"), cookie_of(self.token))


def same(given: str, wanted: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def path_of(scope: Scope) -> str:
    return scope["path"].removeprefix(scope.get("root_path", ""))


def is_open(path: str) -> bool:
    return any(path == each or (each.endswith("/") and path.startswith(each)) for each in OPEN)


def cookie_of(token: str) -> str:
    """What a browser keeps in place of the token."""
    return hmac.new(token.encode(), b"page", hashlib.sha256).hexdigest()


def token_in_form(body: bytes) -> str:
    return parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()


async def refuse(scope: Scope, send: Send) -> None:
    """Answer 401: a person gets a page that asks for the token, a program JSON."""
    accept = dict(scope["headers"]).get(b"accept", b"")
    page = scope["method"] == "GET" and b"text/html" in accept
    told = {"detail": "A token is needed: `Authorization: Bearer TOKEN`.", "errors": []}
    body = LOGIN.read_bytes() if page else json.dumps(told).encode()
    kind = b"text/html; charset=utf-8" if page else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
