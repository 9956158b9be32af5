"""The command draft: what comes into the project, what is kept, and what is said when something is wrong."""

import gzip
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import access
import check
import clean
import draft
import serve
import transform
from needs import module
from pipeline.drafting.sniffing import Told
from pipeline.errors import ProjectError, ProjectErrors
from web_server import send

ROOT = Path(__file__).parents[1]
ROWS = "".join(f"{n % 7 + 0.5},{'ab'[n % 2]}\n" for n in range(40))
CSV = "x,y\n" + ROWS


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with nothing but the files that draft looks for."""
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "CITATION.cff"):
        Path(name).write_bytes((ROOT / name).read_bytes())
    Path("params.yaml").write_text("old: params\n")
    Path("contract.yaml").write_text("old: contract\n")
    return tmp_path


def run(*places, target="y", tables=(), queries=(), told=Told()):  # noqa: B008
    draft.draft(list(places), target, list(tables), list(queries), told)


def written():
    contract = yaml.safe_load(Path("contract.yaml").read_text(encoding="utf-8"))
    return yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")), contract["resources"][0]


def test_a_small_file_is_copied_pinned_and_runs_at_once(project):
    Path("My file.csv").write_text(CSV)
    run("My file.csv")
    params, table = written()
    assert params["access"]["my_file"]["uri"] == "data/source/My file.csv"
    assert table["path"] == "data/raw/my_file/My file.csv"
    for stage in (check, access, clean, transform, serve):
        stage.main()
    report = json.loads(Path("metrics/serve.json").read_text())
    assert report["train_rows"] + report["test_rows"] == 40


def test_the_table_has_the_name_that_is_asked_for(project):
    Path("a.csv").write_text(CSV)
    run("a.csv", tables=["visits"])
    assert written()[1]["path"] == "data/raw/visits/a.csv"


@pytest.mark.parametrize(
    ("file", "name"),
    [("Penguins-Raw.csv", "penguins_raw"), ("2013.csv", "table_2013"), ("ÄÖ.csv", "ao"), ("a.b.csv.gz", "a")],
)
def test_a_file_s_name_becomes_a_table_s(project, file, name):
    Path(file).write_bytes(gzip.compress(CSV.encode()) if file.endswith("gz") else CSV.encode())
    run(file)
    assert list(written()[0]["access"]) == [name]


def test_what_is_replaced_is_kept_and_no_older_copy_is_lost(project):
    Path("a.csv").write_text(CSV)
    for told in ("first", "second"):
        Path("params.yaml").write_text(f"mine: {told}\n")
        run("a.csv")
    assert Path("params.yaml.before-draft").read_text() == "mine: first\n"
    assert Path("params.yaml.before-draft-2").read_text() == "mine: second\n"
    assert Path("contract.yaml.before-draft").read_text() == "old: contract\n"
    assert not Path("contract.yaml.before-draft-2").exists()  # the second draft changed nothing in it


def test_a_mistake_leaves_everything_as_it_was(project):
    Path("a.csv").write_text(CSV)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    with pytest.raises(ProjectError):
        run("a.csv", target="z")
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and ".partial" not in path.parts}
    assert after == before


def test_a_file_in_data_source_stays_where_it_is_whatever_its_size(project, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.drafting.inputs.MOST_FOR_GIT", 100)
    Path("data/source").mkdir(parents=True)
    Path("data/source/a.csv").write_text(CSV)
    run("data/source/a.csv")
    assert written()[0]["access"]["a"]["uri"] == "data/source/a.csv"
    assert "a copy for Git" not in capsys.readouterr().out


def test_a_large_file_is_left_to_dvc(project, monkeypatch):
    monkeypatch.setattr("pipeline.drafting.inputs.MOST_FOR_GIT", 100)
    Path("a.csv").write_text(CSV)
    with pytest.raises(ProjectError, match="too much for Git") as caught:
        run("a.csv")
    assert "cp 'a.csv' data/source/ && dvc add 'data/source/a.csv'" in caught.value.remedy
    assert not Path("data/source").exists()


def test_another_file_of_that_name_is_not_overwritten(project):
    Path("data/source").mkdir(parents=True)
    Path("data/source/a.csv").write_text("other")
    Path("a.csv").write_text(CSV)
    with pytest.raises(ProjectError, match="is another file than"):
        run("a.csv")


def test_files_that_are_no_longer_used_are_pointed_at(project, capsys):
    Path("data/source").mkdir(parents=True)
    for name in ("flights.csv.gz", "planes.db", "README.md"):
        Path("data/source", name).touch()
    Path("a.csv").write_text(CSV)
    run("a.csv")
    assert "git rm data/source/flights.csv.gz data/source/planes.db  #" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("gone.csv", None, "gone.csv: no such file"),
        ("e.csv", "", "e.csv: the file is empty"),
        ("e.csv", "\n\n", "e.csv: the file has no cells"),
        ("h.csv", "x,y\n", "h.csv: there is a header, but no row of data"),
        ("o.csv", "y\n1\n2\n", "o.csv: only one column, `y`: nothing to predict from\n  Name the delimiter"),
        ("f.csv", CSV + "Source: me\n", "f.csv: row 41: found 1 cells, expected 2\n  Each row needs as many cells"),
        ("q.csv", CSV + '1,"2\n3,4\n', "q.csv, line 42: a quote is not closed"),
        ("b.csv", "a\0b", "b.csv: not a text file"),
        ("x.xls", "x", "x.xls: a file of the kind .xls is not read\n  Save it as .xlsx or CSV."),
        ("x.pkl", "x", "x.pkl: a file of the kind .pkl is not read\n  A pickle can run any code"),
        ("x.abc", "x", "x.abc: a file of the kind .abc is not known"),
        ("x.json", '{"data": [{"a": 1}]}', "x.json: found a record, expected a list of records\n  Save the list alone"),
        ("x.json", "[1, 2]", "x.json, row 1: found a single value, expected a record"),
        ("x.json", '[{"a": 1},', "x.json, line 1: not readable as JSON"),
        ("x.parquet", "x", "x.parquet: not readable as Parquet"),
        ("x.csv", CSV.replace("a", "é").encode("latin-1") + b"\xff,\xfe\n", None),
    ],
)
def test_a_file_that_cannot_be_used_ends_in_one_message(project, name, content, expected):
    if content is not None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if expected is None:
        run(name)
    else:
        with pytest.raises(ProjectError) as caught:
            run(name)
        assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("places", "options", "expected"),
    [
        (["sqlite:///x.db"], {}, "sqlite:///x.db: a database needs a query"),
        (["sqlite:///x.db"], {"queries": ["SELECT 1 ORDER BY 1"]}, "x: uri: no such file as x.db"),
        (["sqlite:///x.db"], {"queries": ["SELECT 1"]}, "x: --query: states no order"),
        (["a.csv"], {"queries": ["SELECT 1"]}, "--query: 1 more than databases"),
        (["a.csv"], {"tables": ["a", "b"]}, "--table: 2 names for 1 files"),
        (["a.csv"], {"tables": ["My Table"]}, "--table My Table: no name for a table"),
        (["a.csv"], {"tables": ["ready"]}, "--table ready: no name for a table, or taken already"),
        (["."], {}, ".: is a folder"),
        (["ftp://host/a.csv"], {}, "a: uri: no such scheme as `ftp`"),
        (["postgresql://u:secret@h/d"], {"queries": ["SELECT 1 ORDER BY 1"]}, "d: uri: holds a password"),
        (["a.csv"], {"told": Told(encoding="martian")}, "a.csv: not readable in martian: unknown encoding"),
    ],
)
def test_a_place_that_cannot_be_used_ends_in_one_message(project, places, options, expected):
    Path("a.csv").write_text(CSV)
    with pytest.raises((ProjectError, ProjectErrors)) as caught:
        run(*places, **options)
    assert str(caught.value).startswith(expected) and "secret" not in str(caught.value)


def test_it_is_run_from_the_project_s_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match="Run it from the project's root"):
        run("a.csv")


def test_a_file_of_the_web_is_pinned_as_it_was_fetched(project, site):
    site.answer = lambda request: send(request, CSV.encode())
    run(f"{site.uri}/a.csv")
    source = written()[0]["access"]["a"]
    assert source["uri"] == f"{site.uri}/a.csv" and len(source["sha256"]) == 64


def test_a_mistake_in_what_was_fetched_names_its_place(project, site):
    site.answer = lambda request: send(request, b"x,y\n")
    with pytest.raises(ProjectError) as caught:
        run(f"{site.uri}/a.csv")
    assert caught.value.where == f"{site.uri}/a.csv"


def test_a_query_s_rows_are_drafted(project):
    with sqlite3.connect("shop.db") as database:
        database.execute("CREATE TABLE t (x REAL, y TEXT)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [(n / 3, "ab"[n % 2]) for n in range(40)])
    run("sqlite:///shop.db", queries=["SELECT * FROM t ORDER BY x"], tables=["t"])
    params, table = written()
    assert params["access"]["t"]["query"] == "SELECT * FROM t ORDER BY x"
    assert [field["type"] for field in table["schema"]["fields"]] == ["number", "string"]


def test_a_sheet_is_drafted_by_its_name(project):
    module("openpyxl")
    with pd.ExcelWriter("book.xlsx") as book:
        pd.DataFrame({"a": [1]}).to_excel(book, sheet_name="Notes")
        days = pd.date_range("2013-01-01", periods=40)
        table = pd.DataFrame({"day": days, "x": range(40), "y": ["a", "b"] * 20})
        table.to_excel(book, sheet_name="Data 2013", index=False, startrow=2)
    run("book.xlsx", told=Told(sheet="Data 2013"))
    table = written()[1]
    assert table["dialect"] == {"headerRows": [3], "excel": {"sheet": "Data 2013"}}
    assert [field["type"] for field in table["schema"]["fields"]] == ["date", "integer", "string"]
    for stage in (check, access, clean):
        stage.main()


def test_excel_without_its_package_says_what_to_install(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    Path("book.xlsx").write_bytes(b"PK")
    with pytest.raises(ProjectError, match="Excel needs the package openpyxl") as caught:
        run("book.xlsx")
    assert caught.value.remedy.startswith("pip install openpyxl")


def test_the_command_says_what_it_guessed_and_what_comes_next(project):
    Path("a.csv").write_text(CSV)
    command = [sys.executable, str(ROOT / "src/draft.py"), "a.csv", "--target", "y"]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONUTF8": "1"})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (
        ended.stdout
        == """\
a: 40 rows, 2 columns (1 number, 1 category)
  key: none found

target   y: 2 classes (a 20, b 20)
inputs   1: x
split    by row: 32 rows to learn from, 8 to test on
model    RandomForestClassifier

Look at
  - 1 cleaning rule that may be worth having stands behind a # in params.yaml
  - is an input known only afterwards? Mark it `hindsight: true` in contract.yaml, and no model will see it

Written
  params.yaml (before: params.yaml.before-draft)
  contract.yaml (before: contract.yaml.before-draft)
  data/source/a.csv, a copy for Git; if it must not go there: dvc add 'data/source/a.csv'

Next
  dvc repro
  CITATION.cff and README.md still tell of what was here before; descriptions in contract.yaml are yours to write
"""
    )


def test_the_command_ends_with_status_1_and_one_message(project):
    command = [sys.executable, str(ROOT / "src/draft.py"), "a.csv", "--target", "y", "--delimiter", ";;"]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONUTF8": "1"})
    message = "--delimiter: found `;;`, expected one character of ASCII\n  A tab is written \\t.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", message)
