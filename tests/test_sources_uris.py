"""URIs: kinds, mistakes that show without a connection, names of files, and what comes from the environment."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params, sources
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Pages, Source
from pipeline.sources import uris

ORDERED = "SELECT a FROM t ORDER BY a"


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("data/source/a.csv", "file"),
        ("/data/a.csv", "file"),
        ("C:\\data\\a.csv", "file"),
        ("file:///data/a.csv", "file"),
        ("s3://bucket/key", "s3"),
        ("HTTPS://host/a.csv", "http"),
        ("http://host/a.csv", "http"),
        ("sqlite:///a.db", "sql"),
        ("postgresql+psycopg://host/db", "sql"),
        ("gs://bucket/key", ""),
    ],
)
def test_the_scheme_tells_the_kind(uri: str, kind: str):
    assert uris.kind_of(Source(uri=uri)) == kind


@pytest.mark.parametrize(
    "source",
    [
        Source(uri="data/source/a.csv", sha256="0" * 64),
        Source(uri="s3://bucket/key", anon=True, profile="me", endpoint="https://minio.example.org"),
        Source(uri="https://host/a?page=1&format=csv&key={MY_KEY}", file="a.csv"),
        Source(uri="https://{USER_NAME}:{MY_PASSWORD}@host/a.csv"),
        Source(
            uri="https://host/a", records="data", pages=Pages(next="links.next"), headers={"Accept": "application/json"}
        ),
        Source(
            uri="https://host/a", table=0, headers={"Authorization": "Bearer {MY_TOKEN}", "Cookie": "a={MY_COOKIE}"}
        ),
        Source(uri="postgresql://jane@host/db", query="select a\nfrom t\norder\tby a"),
        Source(uri="{DATABASE_URL}", query=ORDERED),
        Source(uri="{DATA_URL}", headers={"Accept": "text/csv"}),
    ],
)
def test_sources_that_are_right_are_not_complained_of(source: Source):
    sources.check({"flights_2013": source})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"uri": "htps://host/a.csv"}, "uri: no such scheme as `htps`\n  Did you mean `https`?"),
        (
            {"uri": "postgres://host/db", "query": ORDERED},
            "uri: no such scheme as `postgres`\n  Did you mean `postgresql`?",
        ),
        ({"uri": ""}, "uri: is empty"),
        ({"uri": "s3:///key"}, "uri: names no bucket\n  s3://NAME/…"),
        ({"uri": "https:///a.csv"}, "uri: names no host"),
        ({"uri": "https://[::1/a.csv"}, "uri: not a URI: Invalid IPv6 URL"),
        (
            {"uri": "a.csv", "sha256": "abc"},
            "sha256: found `abc`, expected 64 hexadecimal digits\n  `python src/pin.py t` writes it.",
        ),
        ({"uri": "a.csv", "query": ORDERED}, "query: means nothing for this URI; it is for sql sources"),
        ({"uri": "a.csv", "anon": True}, "anon: means nothing for this URI; it is for s3 sources"),
        (
            {"uri": "s3://b/k", "headers": {"Accept": "a"}},
            "headers: means nothing for this URI; it is for http sources",
        ),
        ({"uri": "a.csv", "file": "../a.csv"}, "file: `../a.csv` is no name for a file"),
        ({"uri": "a.csv", "file": ".hidden"}, "file: `.hidden` is no name for a file"),
        ({"uri": "sqlite:///a.db"}, "query: missing"),
        ({"uri": "sqlite:///a.db", "query": "SELECT a FROM orders"}, "query: states no order"),
        ({"uri": "https://h/a", "records": "a", "table": 1}, "table: stands beside `records`"),
        ({"uri": "https://h/a", "pages": Pages(param="page")}, "records: missing, but `pages` is there"),
        ({"uri": "https://h/a", "records": ".", "pages": Pages(step=5)}, "pages.param: missing"),
        (
            {"uri": "https://jane:s3cr3t@h/a"},
            "uri: holds a password or a user's name\n  Put it in an environment variable",
        ),
        ({"uri": "https://s3cr3t@h/a"}, "uri: holds a password or a user's name"),
        (
            {"uri": "postgresql://j:s3cr3t@h/d", "query": ORDERED},
            "uri: holds a password or a user's name\n  Leave it out and set PGPASSWORD",
        ),
        (
            {"uri": "mysql://j:s3cr3t@h/d", "query": ORDERED},
            "uri: holds a password or a user's name\n  Put it in an environment",
        ),
        ({"uri": "https://h/a?api_key=s3cr3t"}, "uri: the parameter `api_key` holds a credential"),
        ({"uri": "https://h/a?X-Amz-Signature=s3cr3t"}, "uri: the parameter `X-Amz-Signature` holds a credential"),
        ({"uri": "s3://b/k", "endpoint": "https://j:s3cr3t@h"}, "endpoint: holds a password or a user's name"),
        (
            {"uri": "https://h/a", "headers": {"authorization": "Bearer s3cr3t"}},
            "headers.authorization: holds a credential",
        ),
        ({"uri": "https://h/a", "headers": {"X-Api-Key": "s3cr3t"}}, "headers.X-Api-Key: holds a credential"),
    ],
)
def test_a_mistake_is_told_without_a_connection(keys: dict, said: str):
    with pytest.raises(ProjectErrors) as told:
        sources.check({"t": Source(**keys)})
    assert str(told.value).startswith(f"params.yaml: access.t.{said}")
    assert "s3cr3t" not in str(told.value)
    assert len(told.value.errors) == 1


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ProjectErrors) as told:
        sources.check({"a": Source(uri="gs://b/k"), "a b": Source(uri="a.csv", table=1)})
    assert [error.where for error in told.value.errors] == [
        "params.yaml: access.a.uri",
        "params.yaml: access.a b",
        "params.yaml: access.a b.table",
    ]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"uri": "data/source/a.csv.gz"}, "a.csv.gz"),
        ({"uri": "s3://bucket/a%20b/c#d.csv?versionId=1"}, "c#d.csv"),
        ({"uri": "https://host/a%20b.csv?x=/y#z"}, "a b.csv"),
        ({"uri": "https://host/download?id=5", "file": "a.csv"}, "a.csv"),
        ({"uri": "https://host/", "records": "."}, "t.jsonl"),
        ({"uri": "https://host/", "table": 0}, "t.csv"),
        ({"uri": "{DATABASE_URL}", "query": ORDERED}, "t.csv"),
    ],
)
def test_a_file_is_named_by_the_uri(keys: dict, name: str):
    assert uris.file_name("t", Source(**keys)) == name


@pytest.mark.parametrize(
    "uri", ["https://host/", "https://host", "https://host/{MY_TOKEN}", "https://host/a%2F..%2F..", "{MY_URL}"]
)
def test_a_uri_without_a_name_asks_for_one(uri: str):
    with pytest.raises(
        ProjectError, match=r"params\.yaml: access\.t\.file: missing, and the URI has no file name in it"
    ):
        uris.file_name("t", Source(uri=uri))


def test_variables_are_encoded_inside_a_uri_and_taken_as_they_are_elsewhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BASE", "https://host:1/x")
    monkeypatch.setenv("MY_KEY", "a/b&c")
    source = Source(uri="{BASE}/?k={MY_KEY}", headers={"X-Key": "v={MY_KEY}"})
    filled, _ = uris.fill_in("t", source)
    assert (filled.uri, filled.headers) == ("https://host:1/x/?k=a/b&c", {"X-Key": "v=a/b&c"})
    filled, _ = uris.fill_in("t", Source(uri="https://h/?k={MY_KEY}&{lower}"))
    assert filled.uri == "https://h/?k=a%2Fb%26c&{lower}"


@given(st.text(min_size=3), st.text())
def test_what_was_filled_in_is_never_shown(secret: str, text: str):
    shown = uris.hide(f"{text}{secret}{secret!r}", {secret: "{X}", repr(secret)[1:-1]: "{X}"})
    assert secret not in shown.replace("{X}", "")


def test_new_keys_of_a_source_are_checked_as_all_others(tmp_path: Path):
    (tmp_path / "params.yaml").write_text("access: {t: {uri: a, pages: {paran: x}, recods: b, anon: 3}}\n")
    with pytest.raises(ProjectErrors) as told:
        params.load("access", file=tmp_path / "params.yaml")
    text = str(told.value)
    assert "access.t.pages.paran: no such key\n  Did you mean `param`?" in text
    assert "access.t.recods: no such key\n  Did you mean `records`?" in text
    assert "access.t.anon: found 3, expected true or false" in text
