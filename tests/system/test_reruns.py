"""What `dvc repro` runs after a change: all that depends on it, and nothing else."""

import json

import pytest
import yaml

from project import locked, locked_outputs, must_run, outputs, replace, results, stages, stages_run


def reproduce(project):
    return stages_run(must_run(project, "dvc", "repro"))


def test_a_second_run_runs_nothing(project):
    before = locked(project)
    printed = must_run(project, "dvc", "repro")
    assert stages_run(printed) == []
    assert "Data and pipelines are up to date." in printed
    assert locked(project) == before
    assert must_run(project, "git", "status", "--porcelain") == ""


CHANGES = {
    "a description": (
        [("contract.yaml", "description: Delay of the arrival;", "description: How late it arrived;")],
        ["check", "publish"],
    ),
    "a licence and a unit": (
        [("contract.yaml", "unit: degF, description: Temperature", "unit: degC, description: Temperature")],
        ["check", "publish"],
    ),
    "a comment": (
        [("params.yaml", "# of the bundle", "# of the folder's files")],
        ["check", "publish"],  # publish, too, takes params.yaml whole: it is part of the bundle
    ),
    "the words of dvc.yaml": (
        [("dvc.yaml", "desc: Bundle data, model and metadata", "desc: Bundle model, data and metadata")],
        ["publish"],  # the bundle holds them
    ),
    "the author": ([("CITATION.cff", "version: 0.1.0", "version: 0.1.1")], ["check", "publish"]),
    "the gate": (
        [("params.yaml", "roc_auc: {min: 0.5}", "roc_auc: {min: 0.4}")],
        ["check", "evaluate", "publish"],
    ),
    "the name of the bundle": ([("params.yaml", "name: nyc-flights-2013", "name: flights")], ["check", "publish"]),
    "a rule that changes no row": (
        [("params.yaml", "max: 231", "max: 240")],
        ["check", "clean", "publish"],  # the same bytes come out of it, so what follows has nothing to do
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_what_depends_on_it(project, change):
    edits, expected = CHANGES[change]
    before = locked_outputs(project)
    for name, old, new in edits:
        replace(project, name, old, new)
    assert reproduce(project) == expected
    written = {path for name in expected for path in outputs(stages(project)[name])}
    changed = {path for path, md5 in locked_outputs(project).items() if before[path] != md5}
    assert changed <= written


def test_the_order_of_keys_changes_no_byte(project):
    """DVC does not see it either, so that no stage but those that take params.yaml whole would run again."""
    before = results(project)
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    tables, features, options = params["clean"], params["transform"]["features"], params["train"]["options"]
    for mapping in (params["access"], tables, *tables.values(), features, options):
        turned = list(mapping.items())[::-1]
        mapping.clear()
        mapping.update(turned)
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    must_run(project, "dvc", "repro", "--force")
    after = results(project)
    changed = {path for path in before.keys() | after.keys() if after.get(path) != before.get(path)}
    # params.yaml is in the bundle; the others state its size and its hash
    names = ("params.yaml", "inputs.json", "ro-crate-metadata.json", "index.html", "SHA256SUMS")
    assert changed == {f"data/published/{name}" for name in names}


def test_an_experiment_that_fails_its_gate_ends_well(project):
    replace(project, "params.yaml", "roc_auc: {min: 0.5}", "roc_auc: {min: 0.99}")
    assert reproduce(project) == ["check", "evaluate", "publish"]
    metrics = json.loads((project / "metrics" / "evaluate.json").read_text(encoding="utf-8"))
    assert metrics["passed"] is False
    assert stages_run(must_run(project, "dvc", "repro")) == []
