"""Projects that are reproduced once in a test run; a test works in a copy of its own."""

from pathlib import Path

import pytest

from project import commit, copy_again, copy_project, made_once, must_run, shrink


def reproduce(project: Path) -> None:
    must_run(project, "dvc", "repro")
    commit(project)


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is committed, never run; for tests that only read it."""
    return made_once(tmp_path_factory, "untouched", copy_project)


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after `dvc repro`; for tests that only read it."""
    return made_once(tmp_path_factory, "reproduced", lambda folder: reproduce(copy_project(folder)))


@pytest.fixture(scope="session")
def reproduced_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project on a twentieth of its flights after `dvc repro`; for tests that only read it."""
    return made_once(tmp_path_factory, "small", lambda folder: reproduce(shrink(copy_project(folder))))


@pytest.fixture
def project(reproduced_small: Path, tmp_path: Path) -> Path:
    """A small project after `dvc repro`, for one test to change."""
    return copy_again(reproduced_small, tmp_path / "project")
