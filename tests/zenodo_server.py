"""An archive on loopback that answers as InvenioRDM does, and fails as a test tells it to.

After https://inveniordm.docs.cern.ch/reference/rest_api_drafts_records/, in what a release asks of it. It is strict where
the real one is lenient: unknown keys of the metadata are refused.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from loopback import Handler, listening

TOKEN = "a-token-that-nobody-may-see"
PREFIX = "10.5072/zenodo."
METADATA = {
    "resource_type", "title", "publication_date", "version", "publisher", "creators", "description", "subjects",
    "rights", "related_identifiers",
}  # fmt: skip
RELATIONS = {"isderivedfrom", "iscompiledby", "issupplementto", "cites"}
LICENCES = {"cc0-1.0", "cc-by-4.0", "mit"}


class Refusal(Exception):
    def __init__(self, status: int, message: str, errors: list[dict[str, Any]] | None = None):
        self.status, self.body = status, {"status": status, "message": message, "errors": errors or []}


@dataclass
class Zenodo:
    """A running archive.

    Attributes:
        plan: gets number (from 0), method and path of a request; says which fault it meets, if any: an HTTP status,
            "cut" (nothing was done), "lose_answer" (it was done), "spoil" (one byte of a file changes).
        requests: method and path of each request so far, and its fault.
        records: by number, drafts and published ones.
    """

    url: str = ""
    plan: Callable[[int, str, str], str | int | None] = lambda *_: None
    requests: list[tuple[str, str, str | int | None]] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    next_number: int = 101

    def number(self) -> str:
        self.next_number += 1
        return str(self.next_number - 1)

    def published(self) -> list[dict[str, Any]]:
        return [record for record in self.records.values() if record["is_published"]]

    # What the archive does

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        path = path.partition("?")[0]
        for expected, pattern, act in self.routes():
            if method == expected and (match := re.fullmatch(rf"/api{pattern}", path)):
                return act(*match.groups(), body)
        raise Refusal(404, "The requested URL was not found on the server.")

    def routes(self) -> list[tuple[str, str, Callable]]:
        draft = r"/records/(\d+)/draft"
        return [
            ("POST", "/records", lambda body: (201, self.make_draft(json.loads(body), self.number()))),
            ("GET", "/user/records", lambda _: (200, {"hits": {"hits": [*self.records.values()][::-1]}})),
            ("GET", draft, lambda number, _: (200, self.draft(number))),
            ("PUT", draft, self.update),
            ("POST", f"{draft}/pids/doi", self.reserve),
            ("GET", f"{draft}/files", lambda number, _: (200, self.listing(self.draft(number)))),
            ("POST", f"{draft}/files", self.start_files),
            ("GET", f"{draft}/files/([^/]+)", lambda number, name, _: (200, self.file(number, name))),
            ("DELETE", f"{draft}/files/([^/]+)", self.delete_file),
            ("PUT", f"{draft}/files/([^/]+)/content", self.put_content),
            ("POST", f"{draft}/files/([^/]+)/commit", self.commit),
            ("POST", f"{draft}/actions/publish", self.publish),
            ("GET", r"/records/(\d+)", self.record),
            ("GET", r"/records/(\d+)/files", lambda number, _: (200, self.listing(self.record(number, b"")[1]))),
            ("POST", r"/records/(\d+)/versions", self.new_version),
        ]

    def make_draft(self, content: dict[str, Any], parent: str, index: int = 1) -> dict[str, Any]:
        number = self.number()
        self.records[number] = {
            "id": number,
            "parent": {"id": parent, "pids": {}},
            "is_published": False,
            "pids": {},
            "versions": {"index": index},
            "metadata": content.get("metadata", {}),
            "access": content.get("access", {}),
            "files": {"enabled": True, "entries": {}},
            "links": {"self_html": f"{self.url}/uploads/{number}"},
        }
        return self.records[number]

    def draft(self, number: str) -> dict[str, Any]:
        record = self.records.get(number)
        if record is None or record["is_published"]:
            raise Refusal(404, "The persistent identifier does not exist.")
        return record

    def update(self, number: str, body: bytes) -> tuple[int, Any]:
        record, content = self.draft(number), json.loads(body)
        record |= {key: content.get(key, {}) for key in ("metadata", "access", "pids")}  # what is not sent is gone
        return 200, record | {"errors": problems(record["metadata"])}

    def reserve(self, number: str, _: bytes) -> tuple[int, Any]:
        record = self.draft(number)
        if "doi" in record["pids"]:
            message = {"field": "pids.doi", "messages": ["A PID already exists for type doi"]}
            raise Refusal(400, "A validation error occurred.", [message])
        record["pids"] = {"doi": {"identifier": f"{PREFIX}{number}", "provider": "datacite", "client": "datacite"}}
        return 201, record

    def listing(self, record: dict[str, Any]) -> dict[str, Any]:
        return {"enabled": True, "entries": list(record["files"]["entries"].values())}

    def file(self, number: str, name: str) -> dict[str, Any]:
        entries = self.draft(number)["files"]["entries"]
        if name not in entries:
            raise Refusal(404, f'Record "{number}" has no file "{name}".')
        return entries[name]

    def start_files(self, number: str, body: bytes) -> tuple[int, Any]:
        record = self.draft(number)
        for one in json.loads(body):
            if one["key"] in record["files"]["entries"]:
                raise Refusal(400, f"File with key {one['key']} already exists.")
            record["files"]["entries"][one["key"]] = {"key": one["key"], "status": "pending"}
        return 201, self.listing(record)

    def delete_file(self, number: str, name: str, _: bytes) -> tuple[int, Any]:
        self.file(number, name)
        del self.draft(number)["files"]["entries"][name]
        return 204, None

    def put_content(self, number: str, name: str, body: bytes) -> tuple[int, Any]:
        entry = self.file(number, name)
        if entry["status"] == "completed":
            raise Refusal(403, "Permission denied.")
        self.contents[number, name] = body
        return 200, entry

    def commit(self, number: str, name: str, _: bytes) -> tuple[int, Any]:
        entry = self.file(number, name)
        if entry["status"] == "completed" or (number, name) not in self.contents:
            raise Refusal(400, f"File {name} cannot be completed.")
        content = self.contents[number, name]
        entry |= {"status": "completed", "size": len(content), "checksum": f"md5:{hashlib.md5(content).hexdigest()}"}
        return 200, entry

    def publish(self, number: str, _: bytes) -> tuple[int, Any]:
        record = self.draft(number)
        errors = problems(record["metadata"])
        entries = record["files"]["entries"].values()
        if not entries or any(entry["status"] != "completed" for entry in entries):
            errors.append({"field": "files.enabled", "messages": ["Missing uploaded files."]})
        if errors:
            raise Refusal(400, "A validation error occurred.", errors)
        record["pids"].setdefault("doi", {"identifier": f"{PREFIX}{number}", "provider": "datacite"})
        record["parent"]["pids"] = {"doi": {"identifier": f"{PREFIX}{record['parent']['id']}"}}
        record |= {"is_published": True, "links": {"self_html": f"{self.url}/records/{number}"}}
        return 202, record

    def record(self, number: str, _: bytes) -> tuple[int, Any]:
        versions = [one for one in self.published() if number in (one["id"], one["parent"]["id"])]
        if not versions:
            raise Refusal(404, "The persistent identifier does not exist.")
        latest = max(versions, key=lambda one: one["versions"]["index"])
        return (200, latest) if latest["id"] == number else (302, f"/api/records/{latest['id']}")

    def new_version(self, number: str, _: bytes) -> tuple[int, Any]:
        record = self.record(number, b"")[1]
        parent = record["parent"]["id"]
        for other in self.records.values():
            if other["parent"]["id"] == parent and not other["is_published"]:
                return 201, other
        kept = {key: value for key, value in record["metadata"].items() if key not in ("version", "publication_date")}
        return 201, self.make_draft({"metadata": kept}, parent, record["versions"]["index"] + 1)


def problems(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """What InvenioRDM says against metadata."""
    found = {key: "Unknown field." for key in metadata.keys() - METADATA}
    missing = {"resource_type", "title", "publication_date", "creators"} - metadata.keys()
    found |= dict.fromkeys(missing, "Missing data for required field.")
    for index, creator in enumerate(metadata.get("creators", [])):
        who = creator["person_or_org"]
        if not who.get("family_name" if who["type"] == "personal" else "name"):
            found[f"creators.{index}.person_or_org"] = "Family name or name must be filled."
        for identifier in who.get("identifiers", []):
            if not is_identifier(**identifier):
                found[f"creators.{index}.person_or_org.identifiers"] = f"Invalid {identifier['scheme']} identifier."
    for index, licence in enumerate(metadata.get("rights", [])):
        if ("id" in licence) == ("title" in licence) or licence.get("id", "mit") not in LICENCES:
            found[f"rights.{index}"] = "An identifier or a title must be present."
    for index, related in enumerate(metadata.get("related_identifiers", [])):
        if related["relation_type"]["id"] not in RELATIONS or related["scheme"] not in ("url", "doi"):
            found[f"related_identifiers.{index}"] = "Invalid value."
    return [{"field": f"metadata.{key}", "messages": [message]} for key, message in sorted(found.items())]


def is_identifier(scheme: str, identifier: str) -> bool:
    if scheme == "ror":
        return bool(re.fullmatch(r"0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}", identifier))
    if scheme != "orcid" or not re.fullmatch(r"(\d{4}-){3}\d{3}[\dX]", identifier):
        return False
    total = 0
    for digit in identifier.replace("-", "")[:15]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == identifier[-1]


@contextmanager
def running() -> Iterator[Zenodo]:
    """Run an archive."""
    archive = Zenodo()
    lock = threading.Lock()

    class Answering(Handler):
        wbufsize = -1  # head and body leave together, or each answer waits for the client's word

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                fault = archive.plan(len(archive.requests), self.command, self.path)
                archive.requests.append((self.command, self.path, fault))
                if isinstance(fault, int):
                    return self.reply(fault, {"status": fault, "message": "Busy."}, {"Retry-After": "0"})
                if fault == "cut":
                    return self.break_off()
                if fault == "spoil" and body:
                    body = bytes([body[0] ^ 1]) + body[1:]
                try:
                    if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                        raise Refusal(401, "The server could not verify that you are authorized.")
                    status, content = archive.answer(self.command, self.path, body)
                except Refusal as refusal:
                    status, content = refusal.status, refusal.body
                if fault == "lose_answer":
                    return self.break_off()
                if status == 302:
                    return self.reply(302, None, {"Location": content})
                self.reply(status, content, {})

        do_PUT = do_POST = do_DELETE = do_GET

        def reply(self, status: int, content: Any, headers: dict[str, str]) -> None:
            body = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

    with listening(Answering) as archive.url:
        yield archive


@pytest.fixture
def zenodo_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    """An archive for one test, and its token in the environment; nothing waits between tries."""
    monkeypatch.setattr("pipeline.release.zenodo.BACKOFF", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("ZENODO_TOKEN", TOKEN)
    with running() as archive:
        yield archive
