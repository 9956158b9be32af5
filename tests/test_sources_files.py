"""Files, folders and patterns."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import sources
from pipeline.errors import ProjectError
from pipeline.params import Source

WHERE = r"params\.yaml: access\.t\."


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's root, with a folder of three files."""
    for name, content in {
        "a.csv": "a\n",
        "b.csv": "b\n",
        "2013/c.csv": "c\n",
        ".hidden.csv": "x",
        ".git/d.csv": "x",
    }.items():
        path = tmp_path / "project/data/source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def fetch(uri: str, **keys: object) -> sources.Fetched:
    return sources.fetch("t", Source(uri=uri, **keys), Path("partial"))


def contents(fetched: sources.Fetched) -> dict[str, str]:
    return {name: path.read_text() for name, path in fetched.parts.items()}


def test_a_file_keeps_its_name_or_gets_another():
    assert contents(fetch("data/source/a.csv")) == {"a.csv": "a\n"}
    assert contents(fetch("data/source/a.csv", file="z.csv")) == {"z.csv": "a\n"}


def test_a_file_may_lie_outside_the_project(tmp_path: Path):
    (tmp_path / "my file.csv").write_text("out\n")
    for uri in ("../my file.csv", str(tmp_path / "my file.csv"), f"file://{tmp_path}/my%20file.csv"):
        assert contents(fetch(uri)) == {"my file.csv": "out\n"}


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("data/source", ["2013/c.csv", "a.csv", "b.csv"]),
        ("data/source/", ["2013/c.csv", "a.csv", "b.csv"]),
        ("data/source/*.csv", ["a.csv", "b.csv"]),
        ("data/source/**/*.csv", ["2013/c.csv", "a.csv", "b.csv"]),
        ("data/*/201?/*", ["source/2013/c.csv"]),
    ],
)
def test_a_folder_or_pattern_gives_its_files_below_it(uri: str, names: list[str]):
    assert list(fetch(uri).parts) == names


def test_the_hash_of_many_files_is_that_of_what_sha256sum_prints(project: Path):
    listing = subprocess.run(
        "sha256sum 2013/c.csv a.csv b.csv", shell=True, cwd=project / "data/source", capture_output=True
    )
    assert fetch("data/source").sha256 == hashlib.sha256(listing.stdout).hexdigest()


def test_one_file_found_by_a_pattern_is_hashed_as_many_so_that_a_second_may_come(project: Path):
    assert fetch("data/source/a*").sha256 != fetch("data/source/a.csv").sha256
    assert (
        fetch("data/source/a*").sha256
        == hashlib.sha256(f"{fetch('data/source/a.csv').sha256}  a.csv\n".encode()).hexdigest()
    )


def test_brackets_may_be_part_of_a_name(project: Path):
    (project / "data/source/a[1].csv").write_text("brackets\n")
    assert contents(fetch("data/source/a[1].csv")) == {"a[1].csv": "brackets\n"}


def test_a_changed_file_is_copied_again(project: Path):
    fetch("data/source/a.csv")
    (project / "data/source/a.csv").write_text("new\n")
    assert contents(fetch("data/source/a.csv")) == {"a.csv": "new\n"}


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("data/source/a.cvs", r"uri: no such file as data/source/a\.cvs\n.*Did you mean `a\.csv`\?"),
        ("data/source/*.json", r"uri: no file in data/source/\*\.json"),
        ("data/nothing/", r"uri: no file in data/nothing/"),
        ("data/raw/t/a.csv", r"uri: data/raw/t/a\.csv takes in data/raw/, which access itself writes"),
        ("data/**/*.csv", r"uri: data/\*\*/\*\.csv takes in data/raw/"),
        (".", r"uri: \. takes in data/raw/"),
        ("data/source/empty.csv", r"uri: gives nothing, 0 bytes"),
        ("data/source/page.csv", r"uri: gives an HTML page in place of page\.csv\n"),
    ],
)
def test_a_file_that_is_not_to_be_had_is_told(project: Path, uri: str, said: str):
    (project / "data/raw/t").mkdir(parents=True)
    (project / "data/raw/t/a.csv").write_text("a\n")
    (project / "data/source/empty.csv").touch()
    (project / "data/source/page.csv").write_text("<html>\n")
    with pytest.raises(ProjectError, match=WHERE + said):
        fetch(uri)


def test_a_folder_has_no_one_name():
    with pytest.raises(ProjectError, match=WHERE + "file: names one file, but the URI stands for many"):
        fetch("data/source", file="a.csv")


def test_a_local_file_waits_for_no_library_of_other_sources():
    heavy = {"boto", "botocore", "s3fs", "aiohttp", "sqlalchemy", "requests", "pandas", "lxml", "numpy"}
    code = (
        "import sys; from pathlib import Path; from pipeline import sources; from pipeline.params import Source;"
        "sources.check({'t': Source(uri='data/source/a.csv')});"
        "sources.fetch('t', Source(uri='data/source/a.csv'), Path('partial')); print(*sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(sources.__file__).parents[2])}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert heavy & set(ran.stdout.split()) == set()
