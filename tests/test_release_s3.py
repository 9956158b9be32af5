"""S3: a version is sent once, whole, with its hashes, and never overwritten; against the real server."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fault_proxy import proxying
from pipeline.errors import ProjectError
from pipeline.release import s3
from s3_server import S3Server

pytestmark = pytest.mark.usefixtures("clean_aws")

NAMES = ("bundle/t.csv", "bundle/t.parquet", "bundle/croissant.json", "bundle/LICENSE", "datacite.json", "release.json")


@pytest.fixture
def owner(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"the content of {name}\n" * 10)
    return {name: tmp_path / name for name in NAMES}


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    return f"{tmp_path.name}/1.0.0"


def objects(server: S3Server, prefix: str) -> dict[str, bytes]:
    files = server.files()
    return {name.partition(f"{prefix}/")[2]: files.cat_file(name) for name in files.find(f"private/{prefix}")}


def contents(files: dict[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files.items()}


def test_all_is_sent_with_its_type_and_hash_the_release_last(owner: S3Server, files: dict[str, Path], prefix: str):
    with proxying(owner.endpoint) as proxy:
        assert s3.send(client_of(owner, proxy.uri), "private", prefix, files) == len(NAMES)
        keys = [path.partition(f"{prefix}/")[2].split("?")[0] for method, path in proxy.requests if method == "PUT"]
    assert keys == list(NAMES)
    assert objects(owner, prefix) == contents(files)
    client = s3.connect()
    heads = {n: client.head_object(Bucket="private", Key=f"{prefix}/{n}", ChecksumMode="ENABLED") for n in NAMES}
    assert [heads[name]["ContentType"] for name in NAMES] == [
        "text/csv; charset=utf-8",
        "application/vnd.apache.parquet",
        "application/ld+json",
        "text/plain; charset=utf-8",
        "application/json",
        "application/json",
    ]
    assert {name: head["ChecksumSHA256"] for name, head in heads.items()} == {
        name: s3.sha256(path) for name, path in files.items()
    }
    assert heads["release.json"]["CacheControl"] == "public, max-age=31536000, immutable"


def test_a_second_call_sends_nothing(owner: S3Server, files: dict[str, Path], prefix: str):
    s3.send(s3.connect(), "private", prefix, files)
    assert s3.send(s3.connect(), "private", prefix, files) == 0


def test_an_interrupted_one_goes_on_and_was_never_seen_as_whole(owner: S3Server, files: dict[str, Path], prefix: str):
    first = dict(list(files.items())[:3])
    s3.send(s3.connect(), "private", prefix, first)
    assert "release.json" not in objects(owner, prefix)
    assert s3.send(s3.connect(), "private", prefix, files) == 3
    assert objects(owner, prefix) == contents(files)


def test_nothing_is_overwritten(owner: S3Server, files: dict[str, Path], prefix: str):
    s3.send(s3.connect(), "private", prefix, files)
    before = objects(owner, prefix)
    files["bundle/t.csv"].write_text("another version\n")
    with pytest.raises(
        ProjectError, match=r"1\.0\.0/bundle/t\.csv: holds something else; a version is never overwritten"
    ):
        s3.send(s3.connect(), "private", prefix, files)
    assert objects(owner, prefix) == before


def test_a_writer_that_comes_first_wins(owner: S3Server, files: dict[str, Path], prefix: str):
    client = s3.connect()
    list_before = client.get_paginator  # the other one writes after our look at the prefix

    def look_then_lose(name: str) -> Any:
        pages = list_before(name)

        class Pages:
            def paginate(self, **what: str) -> list[dict]:
                found = list(pages.paginate(**what))
                owner.files().pipe_file(f"private/{prefix}/bundle/t.csv", b"theirs")
                return found

        return Pages()

    client.get_paginator = look_then_lose
    with pytest.raises(ProjectError, match=r"t\.csv: holds something else"):
        s3.send(client, "private", prefix, files)
    assert objects(owner, prefix) == {"bundle/t.csv": b"theirs"}


def test_an_object_of_nobody_s_release_stops_it(owner: S3Server, files: dict[str, Path], prefix: str):
    owner.files().pipe_file(f"private/{prefix}/bundle/old.csv", b"old")
    with pytest.raises(ProjectError, match=r"bundle/old\.csv: is not of this release"):
        s3.send(s3.connect(), "private", prefix, files)
    assert list(objects(owner, prefix)) == ["bundle/old.csv"]


def client_of(owner: S3Server, endpoint: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        return s3.connect()


FAULTS: dict[str, Callable[[int, str, str], str | None]] = {
    "busy": lambda number, *_: "slow_down" if number % 3 == 0 else None,
    "broken connections": lambda number, *_: "reset" if number % 3 == 0 else None,
    "lost answers": lambda number, method, _: "lose_answer" if method == "PUT" and number % 2 else None,
}


@pytest.mark.long
@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_connection_does_not_stop_it(owner: S3Server, files: dict[str, Path], prefix: str, name: str):
    with proxying(owner.endpoint) as proxy:
        proxy.reset(FAULTS[name])
        s3.send(client_of(owner, proxy.uri), "private", prefix, files)
        assert proxy.met
    assert objects(owner, prefix) == contents(files)


def test_what_was_damaged_on_its_way_is_refused_by_the_server(owner: S3Server, files: dict[str, Path], prefix: str):
    with proxying(owner.endpoint) as proxy:
        proxy.reset(lambda _, method, path: "corrupt" if method == "PUT" and "t.parquet" in path else None)
        with pytest.raises(ProjectError, match=r"t\.parquet: S3 answers \w+: "):
            s3.send(client_of(owner, proxy.uri), "private", prefix, files)
    assert list(objects(owner, prefix)) == ["bundle/t.csv"]
    s3.send(s3.connect(), "private", prefix, files)
    assert objects(owner, prefix) == contents(files)


def test_mistakes_are_told_in_a_line(owner: S3Server, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ProjectError, match=r"^s3://no-such-bucket/v/: S3 answers NoSuchBucket"):
        s3.send(s3.connect(), "no-such-bucket", "v", files)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", owner.readonly_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", owner.readonly_secret)
    with pytest.raises(ProjectError, match=r"^s3://private/v/bundle/t\.csv: S3 answers AccessDenied"):
        s3.send(s3.connect(), "private", "v", files)
    for uri in ("private/x", "https://private", "s3://", "s3://key@private/x"):
        with pytest.raises(ProjectError, match=r"^--s3: found "):
            s3.split(uri)
    assert s3.split("s3://private/a/b/") == ("private", "a/b")


def test_a_server_that_keeps_no_hashes_is_read_back(owner: S3Server, files: dict[str, Path], prefix: str):
    client = s3.connect()
    head = client.head_object
    client.head_object = lambda **what: {k: v for k, v in head(**what).items() if k != "ChecksumSHA256"}
    assert s3.send(client, "private", prefix, files) == len(NAMES)
    assert json.dumps(sorted(objects(owner, prefix))) == json.dumps(sorted(NAMES))
    assert hashlib.sha256(objects(owner, prefix)["release.json"]).digest()
