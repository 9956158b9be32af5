"""A release: what it refuses, what it writes into CITATION.cff, the zip, the plan; without a repository."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from pipeline.contract import Contract
from pipeline.errors import ProjectError
from pipeline.params import validate
from pipeline.release import archive, state

CITATION = """\
cff-version: 1.2.0
# Who made it.
title: "A title: long"
authors:
  - name: A group   # of people
    version: no key of ours
version: 0.1.0   # of the data
date-released: '2026-01-01'
license: CC0-1.0
"""


def test_only_the_given_keys_of_the_citation_change(tmp_path: Path):
    file = tmp_path / "CITATION.cff"
    file.write_text(CITATION)
    file.chmod(0o640)
    state.write_citation(file, {"version": "1.10", "date-released": "2026-11-25", "doi": "10.5072/zenodo.1"})
    expected = CITATION.replace("version: 0.1.0", 'version: "1.10"').replace("'2026-01-01'", '"2026-11-25"')
    assert file.read_text() == f"{expected}doi: 10.5072/zenodo.1\n"
    assert file.stat().st_mode & 0o777 == 0o640
    state.write_citation(file, {"version": "1.10.1", "doi": None})
    assert file.read_text() == expected.replace('"1.10"', "1.10.1")


def test_windows_lines_stay_as_they_are(tmp_path: Path):
    file = tmp_path / "CITATION.cff"
    file.write_bytes(CITATION.replace("\n", "\r\n").encode())
    state.write_citation(file, {"version": "2.0.0", "doi": "10.1/x"})
    assert file.read_bytes() == (CITATION.replace("0.1.0", "2.0.0") + "doi: 10.1/x\n").replace("\n", "\r\n").encode()


def test_a_citation_that_is_written_in_another_way_stays_as_it_is(tmp_path: Path):
    file = tmp_path / "CITATION.cff"
    file.write_text("{version: 1.0.0, title: T}\n")
    with pytest.raises(ProjectError, match=r"release does not understand\n  Write there: version: 2\.0\.0"):
        state.write_citation(file, {"version": "2.0.0"})
    assert file.read_text() == "{version: 1.0.0, title: T}\n"


def test_a_zip_of_the_same_files_has_the_same_bytes(tmp_path: Path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in ("b.csv", "a.csv", "README.md"):
        (folder / name).write_text(name * 1000)
    archive.write_zip(folder, tmp_path / "t-1.0.zip")
    again = shutil.copytree(folder, tmp_path / "again")  # other times, another order in the folder
    for path in again.iterdir():
        path.chmod(0o600)
        path.touch()
    (tmp_path / "second").mkdir()
    archive.write_zip(again, tmp_path / "second" / "t-1.0.zip")
    assert (tmp_path / "t-1.0.zip").read_bytes() == (tmp_path / "second" / "t-1.0.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "t-1.0.zip") as packed:
        assert packed.namelist() == ["t-1.0/README.md", "t-1.0/a.csv", "t-1.0/b.csv"]
        assert packed.read("t-1.0/a.csv") == b"a.csv" * 1000
        assert packed.testzip() is None


def lines(problems) -> list[str]:
    return [str(problem) for problem in problems]


def test_a_failed_gate_is_named_line_by_line(tmp_path: Path):
    file = tmp_path / "evaluation.json"
    assert lines(state.gate_problems(file)) == [f"{file}: not readable; `dvc repro` makes it"]
    gate = [
        {"line": "f1 is at least 0.1", "value": 0.2, "passed": True},
        {"line": "roc_auc is at least 0.6", "value": 0.5, "passed": False},
    ]
    file.write_text(json.dumps({"passed": False, "gate": gate}))
    assert lines(state.gate_problems(file)) == [f"{file}: the gate is not passed: roc_auc is at least 0.6 (it is 0.5)"]
    file.write_text(json.dumps({"passed": True, "gate": gate[:1]}))
    assert lines(state.gate_problems(file)) == []


def test_columns_without_a_description_are_named():
    fields = [{"name": "a", "description": "A"}, {"name": "b"}, {"name": "c", "description": " "}]
    resource = {"name": "t", "path": "t.csv", "schema": {"fields": fields}}
    ready = {"name": "ready", "path": "r", "schema": {"fields": [{"name": "x", "description": "X"}, {"name": "y"}]}}
    content = {"name": "p", "licenses": [{"name": "MIT"}], "resources": [resource, ready]}
    package = validate(Contract, content, "contract.yaml")
    assert lines(state.version_problems(package, "1.0")) == []
    assert lines(state.version_problems(package.model_copy(update={"version": "1.0"}), "1.0")) == []
    assert lines(state.version_problems(package.model_copy(update={"version": "0.9"}), "1.0")) == [
        "contract.yaml: version: says 0.9; take it out, CITATION.cff says it"
    ]
    found = state.description_problems(package, {"x": "a", "y": "a", "z": "a", "hidden": "a"}, {"a", "x", "y", "z"})
    assert lines(found) == [
        "contract.yaml: t.b: no description",
        "contract.yaml: t.c: no description",
        "contract.yaml: ready.y: no description, though it is published",
        "contract.yaml: ready.z: no description, though it is published",
    ]


def test_a_placeholder_is_no_author():
    authors = [{"name": "The authors of this project"}, {"family-names": "Lovelace"}]
    assert lines(state.author_problems({"authors": authors})) == [
        "CITATION.cff: authors: `The authors of this project` is a placeholder; name who made it"
    ]
