"""The same project gives the same bytes: again, elsewhere, on one processor, in another environment."""

import os
from pathlib import Path

import pytest

from needs import missing, program
from project import copy_again, locked, must_run, results, stages, stages_run

pytestmark = pytest.mark.long

# What may differ between two machines or users; and a Python that leaves no bytecode behind beside one that does.
ELSEWHERE = {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}
ELSEWHERE |= {"OMP_NUM_THREADS": "1", "HOME": "/nonexistent"}


def assert_same(project: Path, reproduced: Path) -> None:
    assert locked(project) == locked(reproduced)
    assert results(project) == results(reproduced)
    assert must_run(project, "git", "status", "--porcelain") == ""


def test_a_forced_run_gives_the_same_bytes(reproduced, tmp_path):
    project = copy_again(reproduced, tmp_path / "project")
    printed = must_run(project, "dvc", "repro", "--force")
    assert stages_run(printed) == list(stages(project))
    assert_same(project, reproduced)


def test_a_fresh_clone_in_another_environment_gives_the_same_bytes(reproduced, tmp_path):
    project = tmp_path / "a clone, elsewhere"
    must_run(tmp_path, "git", "clone", "--quiet", reproduced, project)
    assert not (project / "data" / "raw").exists()
    umask = os.umask(0o077)
    try:
        printed = must_run(project, "dvc", "repro", "--force", **ELSEWHERE)
    finally:
        os.umask(umask)
    assert stages_run(printed) == list(stages(project))
    assert_same(project, reproduced)


def test_one_processor_gives_the_same_bytes_as_two(reproduced, tmp_path):
    if os.cpu_count() == 1:
        missing("there is only one processor")
    project = copy_again(reproduced, tmp_path / "project")
    must_run(project, program("taskset", "util-linux"), "--cpu-list", "0", "dvc", "repro", "--force")
    assert_same(project, reproduced)
