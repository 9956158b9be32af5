"""Sending a release to Zenodo, or another archive that runs InvenioRDM, through its records API.

https://inveniordm.docs.cern.ch/reference/rest_api_drafts_records/ says what is asked here. A request that only looks,
or that does the same when it is made twice, is tried again by urllib3. One that makes something is not: its answer may
be lost after the archive has acted. So each of these steps first looks whether it was done, and goes on from there; in
the same way an interrupted release goes on in the next call.
"""

import hashlib
import html
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tqdm import tqdm
from urllib3.util.retry import Retry

from pipeline.errors import ProjectError

SANDBOX = "https://sandbox.zenodo.org"
TOKEN = "ZENODO_TOKEN"
TRIES = 6
BACKOFF = 1.0  # s, doubled from try to try
LONGEST_WAIT = 120  # s, whatever Retry-After says
TIMEOUT = (10, 600)  # s to connect, s without an answer: an archive hashes what it gets
PASSING = {429, 500, 502, 503, 504}  # states of a server that may pass
# The archive asks for a name of the program, and slows down those without.
PROGRAM = "data-project-template/release"


class Passing(Exception):
    """A request that makes something met a broken connection or a busy server; it may have been done or not."""

    def __init__(self, why: str, wait: float | None = None):
        self.why, self.wait = why, wait
        super().__init__(why)


class _Bearer(AuthBase):
    """Sends the token, and shows it nowhere: not in a message, and not to a host that an answer points to."""

    def __init__(self, token: str):
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True)
class Archive:
    """An archive and the right to write there."""

    url: str
    session: requests.Session


def check_url(url: str) -> str:
    """Return the address of an archive without its last slash.

    Raises:
        ProjectError: not https, which would show the token to the network.
    """
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not local):
        raise ProjectError("--zenodo", f"found `{url}`, expected an address such as {SANDBOX}")
    if parts.username or parts.password or parts.query:
        raise ProjectError("--zenodo", "holds credentials or a query", f"The token belongs to {TOKEN}.")
    return url.rstrip("/")


def token() -> str:
    """Read the token.

    Raises:
        ProjectError: none, or one that no header can hold.
    """
    found = os.environ.get(TOKEN, "").strip()
    if not found:
        raise ProjectError(TOKEN, "not set", "Make one in the archive: Applications, personal access tokens.")
    if not re.fullmatch(r"[!-~]+", found):
        raise ProjectError(TOKEN, "holds characters that no token has")
    return found


def connect(url: str) -> Archive:
    session = requests.Session()
    session.auth = _Bearer(token())
    session.headers.update({"Accept": "application/json", "User-Agent": PROGRAM})
    retry = Retry(
        total=TRIES,
        backoff_factor=BACKOFF,
        status_forcelist=PASSING,
        allowed_methods={"GET", "PUT", "DELETE"},
        raise_on_status=False,
        retry_after_max=LONGEST_WAIT,
    )
    session.mount(f"{check_url(url)}/", HTTPAdapter(max_retries=retry))
    return Archive(check_url(url), session)


# Requests


def ask(archive: Archive, method: str, path: str, missing: Any = None, **what: Any) -> Any:
    """Make a request; return the JSON of its answer, `missing` where the archive has no such thing.

    Raises:
        ProjectError: the archive refuses, or was not reached in all tries.
        Passing: a POST, which nobody tries again before looking, met something that may pass.
    """
    where = f"{archive.url}/api{path}"
    try:
        response = archive.session.request(method, where, timeout=TIMEOUT, **what)
        content = response.json() if response.content and "json" in response.headers.get("Content-Type", "") else {}
    except requests.RequestException as exc:
        why = f"the connection broke: {type(exc).__name__}"
        if method == "POST":
            raise Passing(why) from None
        raise ProjectError(where, why, "Run it again: it goes on where it ended.") from None
    status = response.status_code
    if status in PASSING:
        why = f"the archive answers HTTP {status}"
        if method == "POST":
            wait = response.headers.get("Retry-After", "")
            raise Passing(why, float(wait) if wait.isdigit() else None)
        raise ProjectError(where, f"{why}, also after {TRIES} more tries", "Run it again later: it goes on.")
    if status in (404, 410) and method != "POST":
        return missing
    if status in (401, 403):
        remedy = f"A token of {urlsplit(where).netloc} itself, with the scopes deposit:write and deposit:actions."
        raise ProjectError(TOKEN, f"the archive refuses it (HTTP {status})", remedy)
    if status >= 400:
        raise ProjectError(where, f"the archive answers HTTP {status}: {_reasons(content)}")
    return content


def _reasons(content: Any) -> str:
    """What the archive says is wrong, in a line."""
    if not isinstance(content, dict):
        return "no reason"
    errors = [
        f"{error.get('field')}: {' '.join(map(str, error.get('messages', [])))}" for error in content.get("errors", [])
    ]
    return "; ".join(errors) or str(content.get("message", "no reason"))


def until(done: Callable[[], Any], make: Callable[[], Any]) -> Any:
    """Make something that must not be made twice: look, make it if it is not there, and look again if that broke.

    Returns:
        What `done` finds, or what `make` returns.
    """
    for number in range(TRIES):
        found = done()
        if found is not None:
            return found
        try:
            return make()
        except Passing as exc:
            last = exc
            time.sleep(min(exc.wait if exc.wait is not None else BACKOFF * 2**number, LONGEST_WAIT))
    raise ProjectError("the archive", f"{last.why}, {TRIES} times", "Run it again later: it goes on where it ended.")


# Records


def record_metadata(datacite: Mapping[str, Any]) -> dict[str, Any]:
    """InvenioRDM's metadata, which are made after DataCite's: https://inveniordm.docs.cern.ch/reference/metadata/."""
    content = {
        "resource_type": {"id": "dataset"},
        "title": datacite["titles"][0]["title"],
        "publication_date": datacite["dates"][0]["date"],
        "version": datacite["version"],
        "publisher": datacite["publisher"]["name"],
        "creators": [_creator(creator) for creator in datacite["creators"]],
        "description": "".join(f"<p>{html.escape(d['description'])}</p>" for d in datacite.get("descriptions", [])),
        "subjects": datacite.get("subjects", []),
        "rights": [_licence(licence) for licence in datacite.get("rightsList", [])],
        "related_identifiers": [
            {
                "identifier": relation["relatedIdentifier"],
                "scheme": relation["relatedIdentifierType"].lower(),
                "relation_type": {"id": relation["relationType"].lower()},
            }
            for relation in datacite.get("relatedIdentifiers", [])
        ],
    }
    return {key: value for key, value in content.items() if value}


def _creator(creator: Mapping[str, Any]) -> dict[str, Any]:
    personal = creator["nameType"] == "Personal"
    who = {"type": "personal" if personal else "organizational"}
    if personal:
        who |= {"family_name": creator["familyName"], "given_name": creator.get("givenName", "")}
    else:
        who["name"] = creator["name"]
    identifiers = [
        {"scheme": one["nameIdentifierScheme"].lower(), "identifier": one["nameIdentifier"].rpartition("/")[2]}
        for one in creator.get("nameIdentifiers", [])
    ]
    if identifiers:
        who["identifiers"] = identifiers
    places = [
        {"id": place["affiliationIdentifier"].rpartition("/")[2], "name": place["name"]}
        if "affiliationIdentifier" in place
        else {"name": place["name"]}
        for place in creator.get("affiliation", [])
    ]
    return {"person_or_org": who, **({"affiliations": places} if places else {})}


def _licence(licence: Mapping[str, str]) -> dict[str, Any]:
    if "rightsIdentifier" in licence:
        return {"id": licence["rightsIdentifier"].lower()}
    link = {"link": licence["rightsUri"]} if "rightsUri" in licence else {}
    return {"title": {"en": licence.get("rights") or licence["rightsUri"]}, **link}


def id_of(doi: str) -> str:
    """The record that a DOI of InvenioRDM names: 10.5281/zenodo.1234 -> 1234."""
    return re.split(r"[./]", doi)[-1]


def doi_of(record: Mapping[str, Any]) -> str | None:
    return record.get("pids", {}).get("doi", {}).get("identifier")


def reserve(archive: Archive, metadata: Mapping[str, Any], earlier: str | None) -> str:
    """Make a draft for a version, or find the one that an interrupted call has made, and reserve its DOI.

    Args:
        metadata: of the version, as `record_metadata` gives it.
        earlier: the DOI of an earlier version, or of all of them: the draft becomes the next version of that record.

    Returns:
        The DOI.

    Raises:
        ProjectError: the earlier DOI is none of this archive, or this version is published already.
    """
    base = _published(archive, earlier, metadata["version"]) if earlier else None
    body = {"metadata": metadata, "access": {"record": "public", "files": "public"}, "files": {"enabled": True}}
    path = f"/records/{base['id']}/versions" if base else "/records"
    draft = until(
        lambda: _find_draft(archive, metadata),
        lambda: ask(archive, "POST", path, json=None if base else body),
    )
    here = f"/records/{draft['id']}/draft"
    if base:  # a new version begins without version and date, by which it is found again
        ask(archive, "PUT", here, json={**body, "pids": draft.get("pids", {})})
    return until(
        lambda: doi_of(ask(archive, "GET", here)),
        lambda: doi_of(ask(archive, "POST", f"{here}/pids/doi")),
    )


def _published(archive: Archive, doi: str, version: str) -> dict[str, Any]:
    """The record of a DOI, which is a version's or that of all versions."""
    record = ask(archive, "GET", f"/records/{id_of(doi)}", missing={})
    if doi not in (doi_of(record), doi_of(record.get("parent", {}))):
        remedy = "Take it out for a first release there; a new version needs the DOI of an earlier one."
        raise ProjectError("CITATION.cff: doi", f"{doi} is no record of {archive.url}", remedy)
    if record["metadata"].get("version") == version:
        raise ProjectError("CITATION.cff: doi", f"version {version} is published already, as {doi}")
    return record


def _find_draft(archive: Archive, metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """A draft of this title and version that an earlier call has made."""
    found = ask(archive, "GET", "/user/records", params={"size": 100, "sort": "newest", "allversions": "true"})
    for record in found.get("hits", {}).get("hits", []):
        about = record.get("metadata", {})
        if not record.get("is_published") and all(about.get(key) == metadata[key] for key in ("title", "version")):
            return record
    return None


def send(archive: Archive, doi: str, metadata: Mapping[str, Any], files: Mapping[str, Path]) -> str:
    """Put metadata and files into the draft of a DOI and publish it; go on where an earlier call ended.

    Returns:
        The address of the published record.

    Raises:
        ProjectError: no such draft, the archive finds a mistake, or keeps something else than was sent.
    """
    number = id_of(doi)
    here = f"/records/{number}/draft"
    draft = ask(archive, "GET", here)
    if draft is None or draft.get("is_published"):
        return _compare_published(archive, number, files)
    if doi_of(draft) != doi:
        raise ProjectError(f"{archive.url}/uploads/{number}", f"has the DOI {doi_of(draft)}, expected {doi}")
    body = {"metadata": metadata, "access": {"record": "public", "files": "public"}, "files": {"enabled": True}}
    saved = ask(archive, "PUT", here, json={**body, "pids": draft["pids"]})
    if saved.get("errors"):
        raise ProjectError(f"{archive.url}/uploads/{number}", f"the archive finds mistakes: {_reasons(saved)}")
    present = {entry["key"]: entry for entry in ask(archive, "GET", f"{here}/files")["entries"]}
    for name in present.keys() - files.keys():
        ask(archive, "DELETE", f"{here}/files/{quote(name)}")
    for name, path in files.items():
        upload(archive, here, name, path)
    record = until(
        lambda: _record(archive, number),
        lambda: ask(archive, "POST", f"{here}/actions/publish"),
    )
    return record.get("links", {}).get("self_html", f"{archive.url}/records/{number}")


def _record(archive: Archive, number: str) -> dict[str, Any] | None:
    record = ask(archive, "GET", f"/records/{number}")
    return record if record and record.get("is_published") else None


def _compare_published(archive: Archive, number: str, files: Mapping[str, Path]) -> str:
    record = _record(archive, number)
    if record is None:
        raise ProjectError(f"{archive.url}/records/{number}", "neither a draft nor a record of yours")
    kept = {entry["key"]: entry["checksum"] for entry in ask(archive, "GET", f"/records/{number}/files")["entries"]}
    wanted = {name: md5(path) for name, path in files.items()}
    if kept != wanted:
        name = sorted(name for name in kept.keys() | wanted.keys() if kept.get(name) != wanted.get(name))[0]
        raise ProjectError(f"{archive.url}/records/{number}", f"is published with another {name}")
    return record.get("links", {}).get("self_html", f"{archive.url}/records/{number}")


def upload(archive: Archive, draft: str, name: str, path: Path) -> None:
    """Put a file into a draft, unless it is there with the same md5."""
    here = f"{draft}/files/{quote(name)}"
    for _ in range(TRIES):
        entry = ask(archive, "GET", here)
        if entry and entry.get("status") == "completed":
            if entry.get("checksum") == md5(path):
                return
            ask(archive, "DELETE", here)  # damaged on its way, or left by another try
        until(
            lambda: ask(archive, "GET", here),
            lambda: ask(archive, "POST", f"{draft}/files", json=[{"key": name}]),
        )
        with path.open("rb") as file, tqdm.wrapattr(file, "read", path.stat().st_size, desc=name, disable=None) as body:
            ask(archive, "PUT", f"{here}/content", data=body, headers={"Content-Type": "application/octet-stream"})
        until(lambda: _completed(archive, here), lambda: ask(archive, "POST", f"{here}/commit"))
    raise ProjectError(f"{archive.url}/api{here}", f"has another md5 than {path}, {TRIES} times", "Run it again later.")


def _completed(archive: Archive, here: str) -> dict[str, Any] | None:
    entry = ask(archive, "GET", here, missing={})
    return entry if entry.get("status") == "completed" else None


def md5(path: Path) -> str:
    """The checksum of a file as the archive writes it."""
    with path.open("rb") as file:
        return f"md5:{hashlib.file_digest(file, 'md5').hexdigest()}"
