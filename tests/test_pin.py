"""The command pin: it changes the hashes in params.yaml and nothing else there."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import access
import pin
from pipeline import params
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.sources import store
from web_server import Site, send

ROOT = Path(__file__).parents[1]
A, B = (hashlib.sha256(text).hexdigest() for text in (b"a\n", b"b\n"))
FILE = Path("params.yaml")
# Comments, quotes, order, both styles, and each way to have no hash yet.
TEXT = f"""\
# Numbers and choices.
seed: 1   # of everything

access:   # sources
    one:
        sha256: {B}  # of a.csv
        uri: data/source/a.csv
    two: {{uri: "data/source/b.csv", file: x.csv}}  # in braces
    three:
        uri: 'data/source/a.csv'   # no hash yet

    four: {{
      uri: data/source/b.csv,
      file: y.csv }}
    five:
        sha256:
        uri: data/source/b.csv
    six: {{sha256: null, uri: data/source/a.csv}}
train:
    model: x
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data/source").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / f"data/source/{name}.csv").write_text(f"{name}\n")
    monkeypatch.chdir(tmp_path)
    FILE.write_text(TEXT)
    licences = tmp_path / "data" / "schema" / "licences.json"
    licences.parent.mkdir(parents=True)
    licences.write_text("{}")
    return tmp_path


def test_only_hashes_change(capsys: pytest.CaptureFixture):
    FILE.chmod(0o600)
    pin.pin([], FILE, store.RAW)
    expected = TEXT
    for old, new in [
        (f"sha256: {B}  # of", f"sha256: {A}  # of"),
        ('"data/source/b.csv", file: x', f'"data/source/b.csv", sha256: {B}, file: x'),
        ("   # no hash yet\n", f"   # no hash yet\n        sha256: {A}\n"),
        ("uri: data/source/b.csv,\n", f"uri: data/source/b.csv, sha256: {B},\n"),
        ("sha256:\n", f"sha256: {B}\n"),
        ("sha256: null", f"sha256: {A}"),
    ]:
        expected = expected.replace(old, new)
    assert FILE.read_text() == expected
    assert FILE.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"one: {B} -> {A} (2 bytes)",
        f"two: not pinned -> {B} (2 bytes)",
    ]
    access.main()
    pin.pin([], FILE, store.RAW)
    assert FILE.read_text() == expected
    assert capsys.readouterr().out.splitlines()[-6:] == [
        f"{table}: unchanged (2 bytes)" for table in ("one", "two", "three", "four", "five", "six")
    ]


def test_one_table_can_be_pinned_alone():
    pin.pin(["one"], FILE, store.RAW)
    assert FILE.read_text() == TEXT.replace(f"{B}  # of", f"{A}  # of")


def test_lines_keep_their_ends():
    FILE.write_bytes(b"\xef\xbb\xbfaccess:\r\n  t:\r\n    uri: data/source/a.csv\r\n")
    pin.pin([], FILE, store.RAW)
    assert FILE.read_bytes() == f"\ufeffaccess:\r\n  t:\r\n    uri: data/source/a.csv\r\n    sha256: {A}\r\n".encode()
    FILE.write_text("access: {t: {uri: data/source/a.csv}}")
    pin.pin([], FILE, store.RAW)
    assert FILE.read_text() == f"access: {{t: {{uri: data/source/a.csv, sha256: {A}}}}}"


def test_a_file_without_a_last_line_end_gets_the_line_all_the_same():
    FILE.write_text("access:\n  t:\n    uri: data/source/a.csv")
    pin.pin([], FILE, store.RAW)
    assert params.load("access")["t"].sha256 == A


def test_a_way_of_writing_that_is_not_understood_is_told_and_left_as_it_is():
    text = "base: &base {uri: data/source/a.csv}\naccess: {t: {<<: *base}}\n"
    FILE.write_text(text)
    said = f"access.t.uri: is written in a way that pin does not understand\n  Put the line .*:\n    sha256: {A}"
    with pytest.raises(ProjectError, match=said):
        pin.pin([], FILE, store.RAW)
    assert FILE.read_text() == text


def test_what_pin_fetched_access_need_not_fetch_again(site: Site):
    site.answer = lambda request: send(request, b"a\n")
    FILE.write_text(f"access: {{t: {{uri: '{site.uri}/a.csv'}}}}")
    pin.pin([], FILE, store.RAW)
    access.main()
    assert len(site.requests) == 1
    site.answer = lambda request: send(request, b"b\n")
    pin.pin([], FILE, store.RAW)
    assert params.load("access")["t"].sha256 == B


def test_tables_that_come_are_pinned_even_if_others_do_not():
    FILE.write_text("access: {a: {uri: data/source/a.csv}, z: {uri: data/source/z.csv}}")
    with pytest.raises(ProjectErrors, match=r"access\.z\.uri: no such file"):
        pin.pin([], FILE, store.RAW)
    sources = params.load("access")
    assert (sources["a"].sha256, sources["z"].sha256) == (A, None)


def test_a_broken_hash_is_mended():
    FILE.write_text("access: {a: {uri: data/source/a.csv, sha256: abc}}")
    pin.pin([], FILE, store.RAW)
    assert params.load("access")["a"].sha256 == A


def test_an_unknown_table_is_told():
    with pytest.raises(ProjectError, match=r"params\.yaml: access\.tree: no such table\n  Did you mean `three`\?"):
        pin.pin(["tree"], FILE, store.RAW)


def test_text_in_another_encoding_is_pointed_out(capsys: pytest.CaptureFixture):
    Path("data/source/a.csv").write_bytes("Zürich\n".encode("latin-1"))
    FILE.write_text("access: {a: {uri: data/source/a.csv}}")
    pin.pin([], FILE, store.RAW)
    assert "a: a.csv is not UTF-8 text; say in contract.yaml what it is" in capsys.readouterr().err


def test_it_is_a_command(project: Path):
    FILE.write_text(json.dumps({"access": {"t": {"uri": "data/source/a.csv"}}}))
    ran = subprocess.run([sys.executable, ROOT / "src/pin.py", "t"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"t: not pinned -> {A} (2 bytes)\n", "")
    ran = subprocess.run([sys.executable, ROOT / "src/pin.py", "x"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (1, "params.yaml: access.x: no such table\n  (tables: t)\n")
