"""Killed or interrupted at any moment, a project comes back by `dvc repro` as if nothing had happened."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from project import (
    copy_again,
    environment,
    locked,
    made_once,
    must_run,
    replace,
    results,
    run,
    stages,
    stages_run,
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death"),
]

SEED = int(os.environ.get("CRASH_SEED", random.randrange(10**6)))  # a failure names it; set it to see the same again
KILLS = 16
INTERRUPTS = 4
# Who is killed, and by what shell DVC starts its stages: bash gives its place to the stage, sh (dash) stays between.
WAYS = [("dvc", "bash"), ("group", "bash"), ("dvc", "sh"), ("group", "sh")]


# Changes after which every stage has something else to write.
CHANGES = (
    ("SELECT * FROM planes ORDER", "SELECT * FROM planes WHERE true ORDER"),
    ("max: 600", "max: 300"),
    ("late: arr_delay >= 15", "late: arr_delay >= 20"),
    ("test_share: 0.25", "test_share: 0.3"),
    ("max_depth: 5", "max_depth: 4"),
    ("roc_auc: {min: 0.5}", "roc_auc: {min: 0.4}"),
)


@pytest.fixture(scope="session")
def undisturbed(reproduced_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which params.yaml was changed, after `dvc repro`; `seconds` beside it says how long that took."""

    def make(folder: Path) -> None:
        change(copy_again(reproduced_small, folder))
        start = time.monotonic()
        assert stages_run(must_run(folder, "dvc", "repro")) == list(stages(folder))
        folder.with_suffix(".seconds").write_text(str(time.monotonic() - start))

    return made_once(tmp_path_factory, "undisturbed", make)


def change(project: Path) -> None:
    for old, new in CHANGES:
        replace(project, "params.yaml", old, new)


def start(project: Path, *command: str, **more: str) -> subprocess.Popen[str]:
    """Start a command at the head of a process group of its own."""
    return subprocess.Popen(
        command,
        cwd=project,
        env=environment(project, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes_in(project: Path) -> dict[int, str]:
    """The processes that are at work in a project: id -> command."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inside = Path(os.readlink(process / "cwd")).is_relative_to(project)
            zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if inside and not zombie:
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:  # it has ended meanwhile, or is another user's
            continue
    return found


def wait_until(look: Callable[[], Any], is_good: Callable[[Any], bool], seconds: float = 5) -> Any:
    """Look again and again until it is good or the time is over; return what was seen last."""
    until = time.monotonic() + seconds
    while not is_good(found := look()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def damaged_objects(project: Path) -> list[str]:
    """The objects in DVC's cache whose bytes do not have the hash that names them."""
    objects = [path for path in (project / ".dvc/cache/files/md5").glob("??/*") if path.is_file()]
    named = {path: path.parent.name + path.name.removesuffix(".dir") for path in objects}
    return [name for path, name in named.items() if hashlib.md5(path.read_bytes()).hexdigest() != name]


# DVC writes these files in place. If it is killed in that moment the next call refuses them, with these words, and
# docs/killed.md says what to do.
REMEDIES = {
    "dvc.lock' validation failed": ["git", "checkout", "dvc.lock"],
    "dvc.lock' is invalid": ["git", "checkout", "dvc.lock"],
    "Unable to read RWLock-file": ["rm", ".dvc/tmp/rwlock"],
}


def assert_comes_back(project: Path, undisturbed: Path) -> None:
    """Run `dvc repro`, after what the documentation says if it refuses, and compare."""
    for _ in REMEDIES:
        ended = run(project, "dvc", "repro")
        if ended.returncode == 0:
            break
        remedy = next((remedy for words, remedy in REMEDIES.items() if words in ended.stderr), None)
        assert remedy, ended.stderr
        print(*remedy)
        must_run(project, *remedy)
    assert ended.returncode == 0, ended.stderr
    assert locked(project) == locked(undisturbed)
    assert results(project) == results(undisturbed)
    assert damaged_objects(project) == []


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_leaves_nobody_writing_and_the_next_ends_as_if_nothing_had_happened(
    reproduced_small, undisturbed, tmp_path, number
):
    project = copy_again(reproduced_small, tmp_path / "project")
    change(project)
    seconds = float(undisturbed.with_suffix(".seconds").read_text())
    moment = (number + random.Random(f"{SEED} {number}").random()) / KILLS * seconds
    who, shell = WAYS[number % len(WAYS)]
    print(f"CRASH_SEED={SEED}: kill -9 of {who} under {shell} after {moment:.2f} of {seconds:.2f} s")

    dvc = start(project, "dvc", "repro", SHELL=shutil.which(shell))
    time.sleep(moment)
    (os.kill if who == "dvc" else os.killpg)(dvc.pid, signal.SIGKILL)
    dvc.wait()
    at_work = processes_in(project)
    left = wait_until(lambda: processes_in(project), lambda found: not found)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == {}, f"at work when dvc was killed: {at_work}"
    dvc.communicate()
    assert_comes_back(project, undisturbed)


TORN = {
    "dvc.lock, empty": ("dvc.lock", lambda text: ""),
    "dvc.lock, a part": ("dvc.lock", lambda text: text[: text.rindex("size:") + 2]),
    "rwlock": (".dvc/tmp/rwlock", lambda text: ""),
}


@pytest.mark.parametrize("name", TORN)
def test_a_file_that_dvc_was_killed_while_writing_is_mended_as_documented(undisturbed, tmp_path, name):
    project = copy_again(undisturbed, tmp_path / "project")
    file, tear = TORN[name]
    (project / file).write_text(tear((project / file).read_text()))
    assert run(project, "dvc", "repro").returncode != 0
    assert_comes_back(project, undisturbed)
    advice = (project / "docs" / "killed.md").read_text()
    assert all(" ".join(remedy) in advice for remedy in REMEDIES.values())


@pytest.mark.parametrize("number", range(INTERRUPTS))
def test_an_interrupted_run_says_so_without_a_traceback_of_a_stage_at_work(
    reproduced_small, undisturbed, tmp_path, number
):
    """Ctrl-C goes to all processes of the terminal: to dvc and to the stage."""
    project = copy_again(reproduced_small, tmp_path / "project")
    change(project)
    seconds = float(undisturbed.with_suffix(".seconds").read_text())
    moment = (number + random.Random(f"{SEED} {number}").random()) / INTERRUPTS * seconds
    print(f"CRASH_SEED={SEED}: SIGINT after {moment:.2f} of {seconds:.2f} s")
    dvc = start(project, "dvc", "repro")
    time.sleep(moment)
    os.killpg(dvc.pid, signal.SIGINT)
    _, said = dvc.communicate(timeout=60)
    assert wait_until(lambda: processes_in(project), lambda found: not found) == {}
    assert "stage.run(main)" not in said  # the last line of each stage's own code, and the first of its traceback
    assert_comes_back(project, undisturbed)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
@pytest.mark.parametrize("name", ["clean", "train"])
def test_a_stage_at_work_ends_without_a_traceback(project, name, number, status):
    stage = start(project, "python", "-X", "importtime", f"src/{name}.py")
    last = "pipeline.violations" if name == "clean" else "pipeline.scoring"
    for line in stage.stderr:
        if line.rpartition("|")[2].strip() == last:
            break
    time.sleep(0.3)
    stage.send_signal(number)
    _, said = stage.communicate(timeout=60)
    assert "Traceback" not in said
    assert stage.returncode == status
