"""A stage touches only what dvc.yaml says: the files that it opens are traced, undeclared parameters change nothing."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from project import ROOT, contents, copy_again, must_run, outputs, replace, stages
from tracing import Access, trace

pytestmark = pytest.mark.long

NAMES = list(stages(ROOT))


def undeclared(project: Path, stage: dict[str, Any], accesses: set[Access]) -> dict[str, list[str]]:
    """What a stage did inside the project and dvc.yaml does not say: kind -> paths."""
    written = {project / path for path in outputs(stage)}
    used = written | {project / path for path in stage["deps"]}
    for entry in stage.get("params", []):
        used.add(project / (next(iter(entry)) if isinstance(entry, dict) else "params.yaml"))
    found: dict[str, set[str]] = {}
    for access in accesses:
        if not access.path.is_relative_to(project) or _is_pythons_own(project, access):
            continue
        declared = written if access.kind == "write" else used
        inside = any(access.path.is_relative_to(path) for path in declared)
        makes_parent = access.kind == "write" and any(path.is_relative_to(access.path) for path in written)
        if not inside and not makes_parent:
            found.setdefault(access.kind, set()).add(access.path.relative_to(project).as_posix())
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def _is_pythons_own(project: Path, access: Access) -> bool:
    """Python looks for modules by listing folders, and keeps their bytecode, which is as old as its source or unused."""
    in_source = access.path.is_relative_to(project / "src")
    return in_source and (access.kind == "list" or "__pycache__" in access.path.parts)


def run_traced(project: Path, name: str) -> dict[str, list[str]]:
    stage = stages(project)[name]
    return undeclared(project, stage, trace(project, *stage["cmd"].split()))


def remove_outputs(project: Path, stage: dict[str, Any]) -> None:
    """What DVC does before it runs a stage."""
    must_run(project, "rm", "-rf", *outputs(stage))


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_opens_only_what_it_declares(reproduced, tmp_path, name):
    project = copy_again(reproduced, tmp_path / "project")
    before = contents(project, outputs(stages(project)[name]))
    remove_outputs(project, stages(project)[name])
    assert run_traced(project, name) == {}
    assert contents(project, outputs(stages(project)[name])) == before
    assert run_traced(project, name) == {}  # with the outputs of the last run in place


PART = "data/clean/flights/part-00000.parquet"
DISHONEST = {  # a line in a stage -> what the trace has to show
    'open("LICENSE").read()': {"read": ["LICENSE"]},
    'open("metrics/check.json").read()': {"read": ["metrics/check.json"]},
    'import subprocess; subprocess.run(["cat", "LICENSE"])': {"read": ["LICENSE"]},
    'import os; os.listdir("docs")': {"list": ["docs"]},
    'open("metrics/more.json", "w").close()': {"write": ["metrics/more.json"]},
    f'open("{PART}", "ab").close()': {"write": [PART]},
    'Path("CHANGELOG.md").unlink()': {"write": ["CHANGELOG.md"]},
    'Path("CHANGELOG.md").rename("data/features/CHANGELOG.md")': {"write": ["CHANGELOG.md"]},
    'import os; os.chdir("docs"); open("../LICENSE").read(); os.chdir("..")': {"read": ["LICENSE"]},
}


@pytest.mark.parametrize("line", DISHONEST)
def test_a_stage_that_opens_more_is_caught(project, line):
    settings = '    settings = params.load("transform")\n'
    replace(project, "src/transform.py", settings, f"{settings}    {line}\n")
    assert run_traced(project, "transform") == DISHONEST[line]


# A valid change of each section of params.yaml, and a stage that it changes.
CHANGES = {
    "seed": ("seed: 20130101", "seed: 7", "evaluate"),
    "partition_rows": ("partition_rows: 250000", "partition_rows: 1000", "clean"),
    "access": ("ORDER BY tailnum", "ORDER BY tailnum DESC", None),  # then no bytes have the pinned sha256
    "clean": ("max: 600", "max: 60", "clean"),
    "transform": ("late: arr_delay >= 15", "late: arr_delay >= 30", "transform"),
    "serve.target": ("target: late", "target: month", "serve"),
    "serve.inputs": ("    - distance\n", "", "serve"),
    "serve.split": ("test_share: 0.25", "test_share: 0.5", "serve"),
    "serve.balance": ("balance: none", "balance: subsample", "serve"),
    "serve.format": ("format: parquet", "format: csv", "serve"),
    "train": ("max_depth: 5", "max_depth: 2", "train"),
    "evaluate": ("roc_auc: {min: 0.5}", "roc_auc: {min: 0.9}", "evaluate"),
    "publish": ("name: nyc-flights-2013", "name: other", "publish"),
}


def is_declared(stage: dict[str, Any], section: str) -> bool:
    return "params.yaml" in stage["deps"] or any(
        section == name or section.startswith(f"{name}.") for name in stage.get("params", [])
    )


@pytest.mark.parametrize("name", [name for name in NAMES if "params.yaml" not in stages(ROOT)[name]["deps"]])
def test_parameters_that_a_stage_does_not_declare_change_no_byte(project, name):
    stage = stages(project)[name]
    before = contents(project, outputs(stage))
    for section, (old, new, _) in CHANGES.items():
        if not is_declared(stage, section):
            replace(project, "params.yaml", old, new)
    remove_outputs(project, stage)
    must_run(project, *stage["cmd"].split())
    assert contents(project, outputs(stage)) == before


def test_every_section_of_the_parameters_is_changed(project):
    params = yaml.safe_load((project / "params.yaml").read_text())
    sections = {*params, *(f"serve.{name}" for name in params["serve"])} - {"serve"}
    assert sorted(CHANGES) == sorted(sections)


@pytest.mark.parametrize("section", [section for section, (_, _, name) in CHANGES.items() if name])
def test_each_of_these_changes_changes_a_stage_that_declares_it(project, section):
    old, new, name = CHANGES[section]
    stage = stages(project)[name]
    assert is_declared(stage, section)
    before = contents(project, outputs(stage))
    replace(project, "params.yaml", old, new)
    must_run(project, *stage["cmd"].split())
    assert contents(project, outputs(stage)) != before


def test_dvc_repro_changes_nothing_outside_the_project_and_the_temporary_folder(project, tmp_path):
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    accesses = trace(project, "dvc", "repro", "--force", HOME=f"{tmp_path}/home", TMPDIR=f"{tmp_path}/temporary")
    allowed = [project, tmp_path / "temporary", tmp_path / "project.dvc", Path("/dev"), Path("/proc")]
    changed = {access.path for access in accesses if access.kind == "write"}
    assert project / "dvc.lock" in changed
    assert sorted(path for path in changed if not any(path.is_relative_to(folder) for folder in allowed)) == []
