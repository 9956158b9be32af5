"""HTTP: what a request sends, which failures are tried again, and how the last one reads in a line.

requests with urllib3's Retry does the work (both come with DVC). pooch, which also stands on requests, can't go on with
a download that broke off, nor wait as long as a server asks.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ReadTimeoutError
from urllib3.util.retry import Retry

from pipeline.errors import ProjectError
from pipeline.sources.parts import Part
from pipeline.sources.uris import key

TRIES = 5
BACKOFF = 0.5  # s, doubled from try to try
LONGEST_WAIT = 120  # s, whatever Retry-After says
TIMEOUT = (10, 60)  # s to connect, s between two pieces of the answer
CHUNK = 1 << 20  # bytes
PASSING = (429, 500, 502, 503, 504)  # states of a server that may pass


class Session(requests.Session):
    """requests takes the header Authorization off when another host takes over; this takes off all that were given."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        if self.should_strip_auth(response.request.url, prepared_request.url):
            for name in self.given:
                prepared_request.headers.pop(name, None)
        super().rebuild_auth(prepared_request, response)


def open_session(headers: Mapping[str, str]) -> Session:
    session = Session()
    session.given = list(headers)
    session.headers.update({"Accept-Encoding": "identity", **headers})
    retry = Retry(
        total=TRIES,
        connect=2,
        backoff_factor=BACKOFF,
        status_forcelist=PASSING,
        raise_on_status=False,
        retry_after_max=LONGEST_WAIT,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def get(session: Session, table: str, uri: str, params: Mapping[str, object] | None = None) -> requests.Response:
    """Get a whole answer: a page of HTML or JSON."""
    for _ in _tries(table):
        try:
            response = session.get(uri, params=params, timeout=TIMEOUT)
        except requests.exceptions.ChunkedEncodingError:
            continue
        except requests.RequestException as exc:
            raise _unreachable(table, uri, exc) from None
        _refuse_status(table, response)
        return response


def download(session: Session, table: str, uri: str, part: Part) -> None:
    """Get a file piece by piece; where the answer breaks off, go on behind what is there, if the server can."""
    farthest, tries = part.size(), _tries(table)
    while True:
        next(tries)
        try:
            return _append(session, table, uri, part)
        except HTTPError:  # in the middle of the answer
            if part.size() >= farthest + CHUNK:
                farthest, tries = part.size(), _tries(table)


def _append(session: Session, table: str, uri: str, part: Part) -> None:
    size, validator = part.size(), part.facts.get("validator")
    headers = {"Range": f"bytes={size}-", "If-Range": validator} if size and validator else {}
    try:
        response = session.get(uri, headers=headers, stream=True, timeout=TIMEOUT)
    except requests.RequestException as exc:
        raise _unreachable(table, uri, exc) from None
    with response:
        going_on = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {size}-"
        )
        if headers and not going_on:
            part.clear()
            if response.status_code in (206, 416):  # the wrong bytes, or nothing behind ours
                return _append(session, table, uri, part)
        _refuse_status(table, response)
        etag = response.headers.get("ETag", "")
        encoded = "Content-Encoding" in response.headers and not uri.endswith((".gz", ".tgz", ".bz2", ".xz", ".zst"))
        strong = etag if etag.startswith('"') else response.headers.get("Last-Modified")
        part.note(etag=etag, validator=None if encoded else strong)
        if part.bar.total is None and "Content-Length" in response.headers:
            part.bar.total = int(response.headers["Content-Length"]) + part.size()
        with part.path.open("ab" if going_on else "wb") as file:
            for chunk in response.raw.stream(CHUNK, decode_content=encoded):
                file.write(chunk)
                part.advance(len(chunk))


def _tries(table: str) -> Iterator[int]:
    """Count tries, and wait between them."""
    for number in range(TRIES):
        if number > 1:
            time.sleep(BACKOFF * 2 ** (number - 1))
        yield number
    raise ProjectError(
        key(table), f"the answer broke off {TRIES} times before its end", "Run it again: a file goes on where it can."
    )


def _refuse_status(table: str, response: requests.Response) -> None:
    """Say in a line what an HTTP status means."""
    status = response.status_code
    if status < 400:
        return
    said = f"the server answers HTTP {status}" + (f" {response.reason}" if response.reason else "")
    if status in (401, 403, 407):
        remedy = (
            'Set the header that it wants: headers: {Authorization: "Bearer {MY_TOKEN}"}; a token may have expired.'
        )
    elif status in (404, 410):
        remedy = "The file has another address now, or the URI has a mistake."
    elif status in PASSING:
        said += f", also after {TRIES} more tries"
        remedy = "It is overloaded or down: run it again later."
    else:
        remedy = "Look at the URI with another tool: curl -v."
    raise ProjectError(key(table), said, remedy)


def _unreachable(table: str, uri: str, exc: Exception) -> ProjectError:
    """Say in a line why there was no answer."""
    host = urlsplit(uri).hostname
    cause: BaseException | None = exc
    seen = []
    while cause is not None and cause not in seen:
        seen.append(cause)
        inner = getattr(cause, "reason", None) or next((a for a in cause.args if isinstance(a, Exception)), None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    offline = "Look for a mistake in the host's name, and whether this machine is online."
    if any(isinstance(cause, NameResolutionError) for cause in seen):
        return ProjectError(key(table), f"no host has the name {host}", offline)
    if any(isinstance(cause, NewConnectionError) for cause in seen):
        return ProjectError(key(table), f"{host} takes no connections", offline)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in seen):
        remedy = "Where a proxy has its own certificate, name it in REQUESTS_CA_BUNDLE."
        return ProjectError(key(table), f"the certificate of {host} is not trusted", remedy)
    if isinstance(exc, requests.exceptions.SSLError):
        return ProjectError(key(table), f"{host} offers no secure connection", "Perhaps it speaks http:// only.")
    if isinstance(exc, requests.Timeout) or any(isinstance(cause, TimeoutError | ReadTimeoutError) for cause in seen):
        return ProjectError(key(table), f"{host} does not answer in time", "Run it again later.")
    if isinstance(exc, requests.exceptions.TooManyRedirects):
        return ProjectError(
            key(table), f"{host} sends from one address to the next without end", "Look at the URI in a browser."
        )
    if isinstance(exc, requests.exceptions.InvalidHeader):
        return ProjectError(
            key(table, "headers"), "hold a character that can't be sent", "Look at the variables in them."
        )
    if isinstance(exc, ValueError):  # InvalidURL, InvalidSchema (after a redirect), …
        return ProjectError(key(table), "no address that can be asked", "https://HOST/PATH")
    return ProjectError(key(table), f"the connection to {host} broke: {type(seen[-1]).__name__}", "Run it again later.")
