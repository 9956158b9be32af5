"""Copies of this project, and what it takes to run them as a user would: used by all whole-project tests."""

import gzip
import hashlib
import multiprocessing
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from filelock import FileLock

ROOT = Path(__file__).parents[2]
HEAVY = ["check_jsonschema", "jsonschema", "pandas", "pyarrow.parquet", "pydantic", "sklearn.ensemble", "sqlalchemy"]
HEAVY += ["dvc.cli.parser", "dvc.repo.index", "dvc_s3", "s3fs"]
SECONDS = 1800  # that any command may take: a busy machine is no bug
# What a shell can bring along that changes what Python, Git or DVC do; tests that want it say so.
UNWANTED = ("PYTHON", "DVC_", "GIT_", "LC_", "TZ", "XDG_")


def copy_project(target: Path) -> Path:
    """Make a Git repository of all files that Git knows of here, or would take in, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in sorted(set(listed.stdout.decode().split("\0"))):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name, follow_symlinks=False)
    must_run(target, "git", "init", "--quiet", "--initial-branch=main")
    commit(target)
    return target


def commit(project: Path) -> None:
    must_run(project, "git", "add", "--all")
    must_run(project, "git", "commit", "--quiet", "--allow-empty", "--message=A state to test")


def copy_again(project: Path, target: Path) -> Path:
    """Copy a copy with its results and its cache; the objects of the cache never change, so they are linked."""
    cache = project / ".dvc" / "cache"

    def link_or_copy(source: str, copy: str) -> str:
        return os.link(source, copy) or copy if Path(source).is_relative_to(cache) else shutil.copy2(source, copy)

    return Path(shutil.copytree(project, target, symlinks=True, copy_function=link_or_copy))


def shrink(project: Path) -> Path:
    """Keep one flight in twenty, and few trees: all stages run, and none takes longer than its imports."""
    path = project / "data" / "source" / "flights.csv.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(lines[0] + b"".join(lines[1::20]), mtime=0))
    params = (project / "params.yaml").read_text()
    pinned = yaml.safe_load(params)["access"]["flights"]["sha256"]
    replace(project, "params.yaml", pinned, hashlib.sha256(path.read_bytes()).hexdigest())
    replace(project, "params.yaml", "max_iter: 150", "max_iter: 20")
    replace(project, "params.yaml", "roc_auc: {min: 0.6}", "roc_auc: {min: 0.5}")
    return project


def replace(project: Path, name: str, old: str, new: str) -> None:
    """Edit a file; the old text has to stand in it exactly once."""
    text = (project / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
    (project / name).write_text(text.replace(old, new), encoding="utf-8")


def environment(project: Path, **more: str) -> dict[str, str]:
    """What a command gets: this Python first on PATH, and nothing of the settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    beside = project.with_name(f"{project.name}.dvc")  # DVC's own files would lie in /var/tmp and /etc
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A tester",
        "GIT_AUTHOR_EMAIL": "tester@example.org",
        "GIT_COMMITTER_NAME": "A tester",
        "GIT_COMMITTER_EMAIL": "tester@example.org",
        "DVC_SITE_CACHE_DIR": str(beside / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(beside / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(beside / "system"),
        **more,
    }


def run(project: Path, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a project."""
    return subprocess.run(
        command,
        cwd=project,
        env=environment(project, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def must_run(project: Path, *command: str | Path, **more: str) -> str:
    """Run a command that has to end well; return what it printed."""
    ended = run(project, *command, **more)
    assert ended.returncode == 0, f"{' '.join(map(str, command))}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def run_warm(project: Path, script: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a project, or `dvc`, in a fork of a Python that has loaded the packages already."""
    return start_warm(project, script, *arguments, **more)()


def start_warm(
    project: Path, script: str, *arguments: str, **more: str
) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Start what run_warm runs; return what waits for its end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    folder = TemporaryDirectory()
    said = [Path(folder.name, name) for name in ("stdout", "stderr")]
    process = context.Process(target=_run_script, args=(project, [script, *arguments], more, *said))
    process.start()

    def finish() -> subprocess.CompletedProcess[str]:
        with folder:
            process.join(SECONDS)
            return subprocess.CompletedProcess(
                [script, *arguments], process.exitcode, *(file.read_text() for file in said)
            )

    return finish


def _run_script(project: Path, command: list[str], more: dict[str, str], stdout: Path, stderr: Path) -> None:
    for number, file in enumerate((stdout, stderr), 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.environ.update(environment(project, **more))
    os.chdir(project)
    sys.dont_write_bytecode = True
    sys.argv = command
    sys.path[:] = [str(project / "src"), *(path for path in sys.path if not Path(path).is_relative_to(ROOT / "src"))]
    script = Path(sys.executable).with_name("dvc") if command[0] == "dvc" else command[0]
    runpy.run_path(str(script), run_name="__main__")


def stages_run(printed: str) -> list[str]:
    """The stages that `dvc repro` or `dvc exp run` says it has run."""
    return re.findall(r"^Running stage '(.+)':$", printed, re.MULTILINE)


def stages(project: Path) -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml, in order: name -> {cmd, deps, params, outs, …}."""
    return yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def paths(entries: list[str | dict[str, Any]]) -> list[str]:
    """The paths of outs, metrics or plots, with or without options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def outputs(stage: dict[str, Any]) -> list[str]:
    """The paths that a stage writes."""
    return [path for kind in ("outs", "metrics", "plots") for path in paths(stage.get(kind, []))]


def locked(project: Path) -> str:
    return (project / "dvc.lock").read_text(encoding="utf-8")


def locked_outputs(project: Path) -> dict[str, str]:
    """The hashes of all outputs in dvc.lock: path -> md5."""
    entries = yaml.safe_load(locked(project))["stages"].values()
    return {out["path"]: out["md5"] for entry in entries for out in entry["outs"]}


def contents(project: Path, names: list[str]) -> dict[str, str]:
    """The files below some paths, each with the sha256 of its bytes; a path that is not there gives none."""
    found: list[Path] = []
    for name in names:
        path = project / name
        found += [path] if path.is_file() else sorted(below for below in path.rglob("*") if below.is_file())
    return {path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def results(project: Path) -> dict[str, str]:
    """All that the stages write."""
    return contents(project, [path for stage in stages(project).values() for path in outputs(stage)])


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Have the first worker of a test run make a folder that all workers then read."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return folder
