"""Zenodo: draft, DOI, files, publication, next version; also when the archive is busy, and when connections break."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from pipeline.errors import ProjectError
from pipeline.release import zenodo
from zenodo_server import TOKEN, Zenodo

METADATA = {
    "resource_type": {"id": "dataset"},
    "title": "Flights",
    "publication_date": "2026-11-25",
    "version": "1.0",
    "creators": [{"person_or_org": {"type": "organizational", "name": "A group"}}],
    "rights": [{"id": "cc0-1.0"}],
}
NEXT = METADATA | {"version": "1.1"}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    for name, content in (("flights-1.0.zip", b"a zip" * 1000), ("README.md", b"# Flights\n")):
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in ("flights-1.0.zip", "README.md")}


def release(server: Zenodo, files: dict[str, Path], metadata: dict = METADATA, earlier: str | None = None) -> str:
    archive = zenodo.connect(server.url)
    doi = zenodo.reserve(archive, metadata, earlier)
    zenodo.send(archive, doi, metadata, files)
    return doi


def test_a_version_is_published_with_its_reserved_doi(zenodo_server: Zenodo, files: dict[str, Path]):
    archive = zenodo.connect(zenodo_server.url)
    doi = zenodo.reserve(archive, METADATA, None)
    assert doi == "10.5072/zenodo.102"
    assert zenodo_server.published() == []
    assert zenodo.send(archive, doi, METADATA, files) == f"{zenodo_server.url}/records/102"
    (record,) = zenodo_server.published()
    assert record["metadata"] == METADATA
    assert record["pids"]["doi"]["identifier"] == doi
    assert record["access"] == {"record": "public", "files": "public"}
    assert zenodo_server.contents == {("102", name): path.read_bytes() for name, path in files.items()}


def test_the_next_version_stands_under_the_same_concept(zenodo_server: Zenodo, files: dict[str, Path]):
    first = release(zenodo_server, files)
    second = release(zenodo_server, files, NEXT, first)
    concept = zenodo_server.records["102"]["parent"]["pids"]["doi"]["identifier"]
    third = release(zenodo_server, files, METADATA | {"version": "1.2"}, concept)
    assert [record["metadata"]["version"] for record in zenodo_server.published()] == ["1.0", "1.1", "1.2"]
    assert {record["parent"]["id"] for record in zenodo_server.published()} == {"101"}
    assert len({first, second, third, concept}) == 4


def test_what_is_published_already_is_compared_and_left_alone(zenodo_server: Zenodo, files: dict[str, Path]):
    doi = release(zenodo_server, files)
    before = len(zenodo_server.requests)
    assert zenodo.send(zenodo.connect(zenodo_server.url), doi, METADATA, files).endswith("/records/102")
    assert {method for method, *_ in zenodo_server.requests[before:]} == {"GET"}
    files["README.md"].write_text("other")
    with pytest.raises(ProjectError, match=r"/records/102: is published with another README\.md"):
        zenodo.send(zenodo.connect(zenodo_server.url), doi, METADATA, files)
    with pytest.raises(
        ProjectError, match=r"CITATION\.cff: doi: version 1\.0 is published already, as 10\.5072/zenodo\.102"
    ):
        zenodo.reserve(zenodo.connect(zenodo_server.url), METADATA, doi)


def times(server: Zenodo, method: str, path: str) -> int:
    """How often the same was asked already."""
    return [(m, p) for m, p, _ in server.requests].count((method, path))


FAULTS: dict[str, Callable[[int], str | int | None]] = {  # of how often the same was asked already
    "too many requests": lambda asked: 429 if asked < 2 else None,
    "a gateway": lambda asked: 502 if asked % 2 == 0 else None,
    "down": lambda asked: 503 if asked < 3 else None,
    "broken connections": lambda asked: "cut" if asked < 2 else None,
    "lost answers": lambda asked: "lose_answer" if asked % 2 == 0 else None,
    "lost answers, again and again": lambda asked: "lose_answer" if asked % 4 < 3 else None,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_connection_neither_stops_a_release_nor_makes_it_twice(
    zenodo_server: Zenodo, files: dict[str, Path], name: str
):
    zenodo_server.plan = lambda _, *what: FAULTS[name](times(zenodo_server, *what))
    first = release(zenodo_server, files)
    second = release(zenodo_server, files, NEXT, first)
    assert [record["metadata"] for record in zenodo_server.published()] == [METADATA, NEXT]
    assert len(zenodo_server.records) == 2
    for doi in (first, second):
        for file, path in files.items():
            assert zenodo_server.contents[zenodo.id_of(doi), file] == path.read_bytes()
    assert any(fault for *_, fault in zenodo_server.requests)


@pytest.mark.parametrize("number", range(23))
def test_a_release_that_died_anywhere_goes_on_in_the_next_call(
    zenodo_server: Zenodo, files: dict[str, Path], number: int
):
    zenodo_server.plan = lambda at, *_: "lose_answer" if at >= number else None
    with pytest.raises(ProjectError):
        release(zenodo_server, files)
    zenodo_server.plan = lambda *_: None
    doi = release_again(zenodo_server, files)
    assert [record["pids"]["doi"]["identifier"] for record in zenodo_server.published()] == [doi]
    assert len(zenodo_server.records) == 1


def release_again(server: Zenodo, files: dict[str, Path]) -> str:
    """What the next call does: it knows the DOI from the tagged citation, if it came so far."""
    reserved = [record["pids"]["doi"]["identifier"] for record in server.records.values() if record["pids"]]
    archive = zenodo.connect(server.url)
    doi = reserved[0] if server.published() else zenodo.reserve(archive, METADATA, None)
    zenodo.send(archive, doi, METADATA, files)
    return doi


def test_a_file_that_was_damaged_on_its_way_is_sent_again(zenodo_server: Zenodo, files: dict[str, Path]):
    spoiled = []

    def plan(_: int, method: str, path: str) -> str | None:
        if method == "PUT" and path.endswith("/content") and len(spoiled) < 2:
            spoiled.append(path)
            return "spoil"
        return None

    zenodo_server.plan = plan
    release(zenodo_server, files)
    assert len(spoiled) == 2
    assert zenodo_server.contents == {("102", name): path.read_bytes() for name, path in files.items()}


def test_what_is_always_damaged_is_never_published(zenodo_server: Zenodo, files: dict[str, Path]):
    zenodo_server.plan = lambda _, method, path: "spoil" if method == "PUT" and path.endswith("/content") else None
    with pytest.raises(ProjectError, match=r"/draft/files/flights-1\.0\.zip: has another md5 than .*, 6 times"):
        release(zenodo_server, files)
    assert zenodo_server.published() == []


def test_a_file_that_is_not_of_the_release_is_taken_out(zenodo_server: Zenodo, files: dict[str, Path], tmp_path: Path):
    archive = zenodo.connect(zenodo_server.url)
    doi = zenodo.reserve(archive, METADATA, None)
    (tmp_path / "old").write_text("old")
    zenodo.upload(archive, f"/records/{zenodo.id_of(doi)}/draft", "old", tmp_path / "old")
    zenodo.send(archive, doi, METADATA, files)
    assert sorted(zenodo_server.records["102"]["files"]["entries"]) == sorted(files)


def test_the_archive_s_objections_are_told(zenodo_server: Zenodo, files: dict[str, Path]):
    wrong = METADATA | {"rights": [{"id": "no-such-licence"}]}
    with pytest.raises(
        ProjectError, match=r"/uploads/102: the archive finds mistakes: metadata\.rights\.0: An identifier"
    ):
        release(zenodo_server, files, wrong)
    assert zenodo_server.published() == []


def test_a_doi_of_another_archive_is_no_earlier_version(zenodo_server: Zenodo):
    with pytest.raises(ProjectError, match=r"CITATION\.cff: doi: 10\.1000/x\.7 is no record of http://127"):
        zenodo.reserve(zenodo.connect(zenodo_server.url), METADATA, "10.1000/x.7")
    assert zenodo_server.records == {}


def test_a_refused_token_is_named_and_never_shown(
    zenodo_server: Zenodo, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
):
    archive = zenodo.connect(zenodo_server.url)
    assert TOKEN not in repr(archive) + repr(archive.session.__dict__)
    monkeypatch.setenv("ZENODO_TOKEN", "another-secret")
    with pytest.raises(ProjectError, match=r"^ZENODO_TOKEN: the archive refuses it \(HTTP 401\)") as caught:
        release(zenodo_server, files)
    monkeypatch.setenv("ZENODO_TOKEN", "a secret\nwith lines")
    with pytest.raises(ProjectError, match=r"^ZENODO_TOKEN: holds characters") as other:
        zenodo.connect(zenodo_server.url)
    monkeypatch.delenv("ZENODO_TOKEN")
    with pytest.raises(ProjectError, match=r"^ZENODO_TOKEN: not set"):
        zenodo.connect(zenodo_server.url)
    assert "secret" not in str(caught.value) + str(other.value) + "".join(capfd.readouterr())


def test_the_token_is_not_replaced_by_one_of_netrc_and_goes_to_no_other_host(
    zenodo_server: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    archive = zenodo.connect(zenodo_server.url)
    assert zenodo.reserve(archive, METADATA, None) == "10.5072/zenodo.102"
    request = archive.session.prepare_request(requests.Request("GET", f"{zenodo_server.url}/api/records/1"))
    answer = requests.Response()
    answer.request = request
    elsewhere = request.copy()
    elsewhere.url = "https://example.org/"
    archive.session.rebuild_auth(elsewhere, answer)
    assert "Authorization" not in elsewhere.headers


@pytest.mark.parametrize(
    "url",
    ["http://zenodo.org", "zenodo.org", "ftp://zenodo.org", "https://me:secret@zenodo.org", "https://zenodo.org?a=b"],
)
def test_an_address_is_https_and_holds_no_secret(url: str):
    with pytest.raises(ProjectError, match=r"^--zenodo: "):
        zenodo.check_url(url)
