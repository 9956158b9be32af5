"""What DVC never notices: an object in its cache whose bytes are no longer those that its name says."""

import hashlib
from pathlib import Path

import pytest

from project import ROOT, must_run, run_warm
from s3_server import S3Server

CHECK = "src/check_cache.py"

pytestmark = pytest.mark.usefixtures("clean_aws")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a file and a folder in DVC's cache."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    for name in ("one", "data/two", "data/three"):
        (folder / name).write_text(name)
    (folder / "src").symlink_to(ROOT / "src")
    must_run(folder, "git", "init", "--quiet")
    must_run(folder, "dvc", "init", "--quiet")
    assert run_warm(folder, "dvc", "add", "--quiet", "one", "data").returncode == 0
    return folder


def damage(path: Path) -> None:
    """Change a byte where it stands, as a bad disk or a write through a link does."""
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"?")
    path.chmod(0o400)


def cached(folder: Path, content: bytes) -> Path:
    md5 = hashlib.md5(content).hexdigest()
    return folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def test_a_whole_cache_is_said_to_be_so(folder: Path):
    ended = run_warm(folder, CHECK)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"All 4 objects of {folder}/.dvc/cache/files/md5 are whole.\n"


def test_damaged_objects_are_named_with_their_outputs(folder: Path):
    damaged = [cached(folder, b"one"), cached(folder, b"data/two"), next(folder.glob(".dvc/cache/files/md5/*/*.dir"))]
    for path in damaged[:2]:
        damage(path)
    ended = run_warm(folder, CHECK)
    assert ended.returncode == 1
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("  ")]
    assert sorted(lines) == sorted(
        [f"{damaged[0]}: damaged; belongs to one", f"{damaged[1]}: damaged; belongs to data/two"]
    )
    damage(damaged[2])
    assert f"{damaged[2]}: damaged; belongs to data/ (its listing)" in run_warm(folder, CHECK).stderr
    assert all(path.exists() for path in damaged)


def test_a_damaged_object_of_an_older_version_is_named(folder: Path):
    old = cached(folder, b"one")
    (folder / "one").write_text("new")
    assert run_warm(folder, "dvc", "add", "--quiet", "one").returncode == 0
    damage(old)
    assert f"{old}: damaged; belongs to an older version\n" in run_warm(folder, CHECK).stderr


def test_deleted_objects_come_back_from_the_bucket(folder: Path, s3_server: S3Server, tmp_path: Path):
    must_run(folder, "dvc", "remote", "add", "--default", "storage", f"s3://private/{tmp_path.name}")
    there = s3_server.environment()
    assert run_warm(folder, "dvc", "push", **there).returncode == 0
    for path in folder.glob(".dvc/cache/files/md5/*/*"):
        damage(path)
    (folder / "one").unlink()
    ended = run_warm(folder, CHECK, "--delete")
    assert ended.stderr.count("  It is deleted now; `dvc pull` brings it back") == 4
    assert run_warm(folder, "dvc", "pull", **there).returncode == 0
    assert (folder / "one").read_text() == "one"
    assert run_warm(folder, CHECK).stdout.startswith("All 4 objects")
