"""Queries: real SQLite and real PostgreSQL."""

import csv
import hashlib
import io
import sqlite3
import tracemalloc
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import sources
from pipeline.errors import ProjectError
from pipeline.params import Source
from postgres_server import PostgresServer

WHERE = r"params\.yaml: access\.planes\."


def fetch(folder: Path, uri: str, query: str) -> str:
    """Fetch, and return the text that came of it."""
    fetched = sources.fetch("planes", Source(uri=uri, query=query), folder, fresh=True)
    return fetched.parts["planes.csv"].read_bytes().decode()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "planes.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE planes (tailnum TEXT, year INTEGER, load REAL, photo BLOB)")
        rows = [
            ("N2", 2004, 0.1, None),
            ("N1", None, 1e-7, None),
            ('a "b",\nc\rd', 2**60, float("inf"), None),
            ("", 0, 1.0, None),
        ]
        connection.executemany("INSERT INTO planes VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return path


def test_rows_come_as_csv_in_the_order_of_the_query(database: Path, tmp_path: Path):
    text = fetch(
        tmp_path, f"sqlite:///{database}", 'SELECT tailnum, year, load AS "Load, %" FROM planes ORDER BY rowid'
    )
    assert text == (
        'tailnum,year,"Load, %"\nN2,2004,0.1\nN1,,1e-07\n"a ""b"",\nc\rd",1152921504606846976,inf\n"",0,1.0\n'
    )


def test_a_row_of_one_missing_value_is_no_empty_line(database: Path, tmp_path: Path):
    text = fetch(tmp_path, f"sqlite:///{database}", "SELECT year FROM planes ORDER BY rowid")
    assert text == 'year\n2004\n""\n1152921504606846976\n0\n'
    assert len(pd.read_csv(io.StringIO(text))) == 4


def test_colons_and_percents_in_a_query_mean_nothing_special(database: Path, tmp_path: Path):
    text = fetch(
        tmp_path, f"sqlite:///{database}", "SELECT ':a %s %' AS t FROM planes WHERE year % 2 = 0 ORDER BY rowid LIMIT 1"
    )
    assert text == "t\n:a %s %\n"


def test_a_database_is_only_read(database: Path, tmp_path: Path):
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    with pytest.raises(ProjectError, match=WHERE + "uri: the database says: attempt to write a readonly database"):
        fetch(tmp_path / "part", f"sqlite:///{database}", "DELETE FROM planes -- order by")
    fetch(tmp_path / "part", f"sqlite:///{database}", "SELECT tailnum FROM planes ORDER BY 1")
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
    assert {path.name for path in tmp_path.iterdir()} == {"planes.db", "part"}


@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.none() | st.integers(-(2**63), 2**63 - 1)
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_read_back(tmp_path: Path, rows: list[tuple[str, int | None]]):
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a TEXT, b INTEGER)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    connection.close()
    text = fetch(tmp_path / "part", f"sqlite:///{path}", "SELECT a, b FROM t ORDER BY rowid")
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read == [["a", "b"], *([a, "" if b is None else str(b)] for a, b in rows)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM plane ORDER BY 1", r"uri: the database says: no such table: plane\n"),
        ("SELEC * FROM planes ORDER BY 1", r'uri: the database says: near "SELEC": syntax error\n'),
        ("SELECT * FROM planes WHERE year = 1 ORDER BY 1", r"query: no rows\n"),
        (
            "SELECT year, year FROM planes ORDER BY 1",
            r"query: two columns have the name `year`\n  Rename one with AS\.",
        ),
        (
            "SELECT x'00ff' AS photo ORDER BY 1",
            r"query: the column `photo` has values of the type bytes.*\n.*CAST\(photo AS TEXT\)",
        ),
        ("SELECT CAST(x'e9' AS TEXT) AS name ORDER BY 1", r"uri: the database says: Could not decode to UTF-8"),
        ("PRAGMA foreign_keys = 1 -- order by", r"query: gives no rows\n  It has to be a SELECT\."),
    ],
)
def test_a_mistake_in_a_query_is_told(database: Path, tmp_path: Path, query: str, said: str):
    with pytest.raises(ProjectError, match=WHERE + said):
        fetch(tmp_path, f"sqlite:///{database}", query)


def test_a_file_that_is_missing_is_told_and_not_made(database: Path, tmp_path: Path):
    with pytest.raises(ProjectError, match=WHERE + r"uri: no such file as .*plane\.db\n.*Did you mean `planes\.db`\?"):
        fetch(tmp_path, f"sqlite:///{tmp_path}/plane.db", "SELECT 1 ORDER BY 1")
    assert not (tmp_path / "plane.db").exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path):
    (tmp_path / "a.db").write_text("a,b\n" * 1000)
    with pytest.raises(ProjectError, match=WHERE + "uri: the database says: file is not a database"):
        fetch(tmp_path / "part", f"sqlite:///{tmp_path}/a.db", "SELECT 1 FROM planes ORDER BY 1")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("mysql://127.0.0.1/db", r'its driver, the module MySQLdb, is not installed\n  pip install "mysqlclient"'),
        ("oracle://127.0.0.1/db", r"its driver, the module \w+, is not installed\n  pip install"),
        ("mysql+nothing://127.0.0.1/db", r"no such database as `mysql\.nothing`\n  Did you mean `mysql`"),
        ("postgresql:/oops", r"no URI of a database"),
    ],
)
def test_a_database_that_cannot_be_reached_is_told(tmp_path: Path, uri: str, said: str):
    with pytest.raises(ProjectError, match=WHERE + "uri: " + said):
        fetch(tmp_path, uri, "SELECT 1 ORDER BY 1")


def test_many_rows_need_little_memory(tmp_path: Path):
    path = tmp_path / "many.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n"
        )
    connection.close()
    fetch(tmp_path / "part", f"sqlite:///{path}", "SELECT 1 AS warm ORDER BY 1")
    tracemalloc.start()
    try:
        sources.fetch(
            "planes", Source(uri=f"sqlite:///{path}", query="SELECT * FROM t ORDER BY i"), tmp_path / "part", fresh=True
        )
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


@pytest.fixture
def login(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> PostgresServer:
    """User and password as PostgreSQL itself reads them."""
    monkeypatch.setenv("PGUSER", postgres_server.user)
    monkeypatch.setenv("PGPASSWORD", postgres_server.password)
    return postgres_server


def test_postgresql_types_have_one_form_each(login: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    query = """
        SELECT i AS n, i::numeric / 4 AS money, 1e-9::numeric(20, 12) AS small, 0.1::float8 AS load, i = 1 AS first,
               timestamp '2013-01-02 03:04:05.678' AS at, timestamptz '2013-01-02 03:04:05+02' AS zoned, date '2013-01-02' AS day,
               time '03:04' AS hour, uuid '00000000-0000-0000-0000-000000000001' AS id, NULLIF(i, 1) AS maybe, 'a%s:b' AS t
        FROM generate_series(1, 2) AS i ORDER BY i"""
    uri = login.uri()
    text = fetch(tmp_path, uri, query)
    assert text == (
        "n,money,small,load,first,at,zoned,day,hour,id,maybe,t\n"
        "1,0.25000000000000000000,0.000000001000,0.1,true,2013-01-02T03:04:05.678000,2013-01-02T01:04:05+00:00,"
        "2013-01-02,03:04:00,00000000-0000-0000-0000-000000000001,,a%s:b\n"
        "2,0.50000000000000000000,0.000000001000,0.1,false,2013-01-02T03:04:05.678000,2013-01-02T01:04:05+00:00,"
        "2013-01-02,03:04:00,00000000-0000-0000-0000-000000000001,2,a%s:b\n"
    )
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    assert fetch(tmp_path, uri, query) == text


def test_postgresql_rows_are_streamed(login: PostgresServer, tmp_path: Path):
    fetch(tmp_path, login.uri(), "SELECT 1 AS warm ORDER BY 1")
    tracemalloc.start()
    try:
        fetch(tmp_path, login.uri(), "SELECT i FROM generate_series(1, 100000) AS i ORDER BY i")
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_postgresql_is_only_read(login: PostgresServer, tmp_path: Path):
    with psycopg.connect(login.uri(), autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE n")
    with pytest.raises(
        ProjectError, match=WHERE + "uri: the database says: cannot execute nextval.. in a read-only transaction"
    ):
        fetch(tmp_path, login.uri(), "SELECT nextval('n') AS n ORDER BY 1")
    with pytest.raises(ProjectError, match=WHERE + 'query: the database says: syntax error at or near "DROP"\n'):
        fetch(tmp_path, login.uri(), "DROP SEQUENCE n -- order by")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM plane ORDER BY 1", r'query: the database says: relation "plane" does not exist'),
        ("SELEC 1 ORDER BY 1", r'query: the database says: syntax error at or near "SELEC"'),
        ("SELECT 1 / 0 AS a ORDER BY 1", r"uri: the database says: division by zero"),
        ("SELECT '{}'::json AS extra, 1 AS n ORDER BY n", r"query: the column `extra` has values of the type dict"),
    ],
)
def test_a_mistake_in_a_query_to_postgresql_is_told(login: PostgresServer, tmp_path: Path, query: str, said: str):
    with pytest.raises(ProjectError, match=WHERE + said):
        fetch(tmp_path, login.uri(), query)


@pytest.mark.parametrize("uri", ["postgresql://{MY_USER}:{MY_PASSWORD}@127.0.0.1:{MY_PORT}/test", "{MY_DATABASE}"])
def test_credentials_can_come_from_any_variable(postgres_server: PostgresServer, tmp_path: Path, monkeypatch, uri: str):
    monkeypatch.setenv("MY_USER", postgres_server.user)
    monkeypatch.setenv("MY_PASSWORD", postgres_server.password)
    monkeypatch.setenv("MY_PORT", str(postgres_server.port))
    whole = f"postgresql+psycopg://{postgres_server.user}:pass%2Fword%3A1@127.0.0.1:{postgres_server.port}/test"
    monkeypatch.setenv("MY_DATABASE", whole)
    fetched = sources.fetch("planes", Source(uri=uri, query="SELECT 1 AS a ORDER BY a"), tmp_path)
    assert fetched.entry["uri"] == uri


def test_a_wrong_password_is_told_and_not_shown(postgres_server: PostgresServer, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MY_DATABASE", f"postgresql://reader:s3cr3t@127.0.0.1:{postgres_server.port}/test")
    with pytest.raises(ProjectError, match=WHERE + "uri: the database says: .*password authentication failed") as told:
        fetch(tmp_path, "{MY_DATABASE}", "SELECT 1 AS a ORDER BY a")
    assert "s3cr3t" not in str(told.value)


def test_a_database_that_does_not_answer_is_told(login: PostgresServer, tmp_path: Path):
    with pytest.raises(ProjectError, match=WHERE + "uri: the database says: connection failed"):
        fetch(tmp_path, "postgresql://127.0.0.1:1/test", "SELECT 1 AS a ORDER BY a")
    with pytest.raises(ProjectError, match=WHERE + 'uri: the database says: .*database "nothing" does not exist'):
        fetch(tmp_path, login.uri("nothing"), "SELECT 1 AS a ORDER BY a")
