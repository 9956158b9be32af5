"""What runs after a change: all that depends on it, and nothing else."""

import json

import pytest
import yaml

from project import locked, locked_outputs, must_run, outputs, replace, stages, stages_run


def test_a_second_run_runs_nothing(project):
    before = locked(project)
    printed = must_run(project, "dvc", "repro")
    assert stages_run(printed) == []
    assert "Data and pipelines are up to date." in printed
    assert locked(project) == before
    assert must_run(project, "git", "status", "--porcelain") == ""


CHANGES = {  # edits -> the stages that run
    "what describes": (
        [
            ("contract.yaml", "description: Delay of the arrival;", "description: How late it arrived;"),
            ("contract.yaml", "unit: degF, description: Temperature", "unit: degC, description: Temperature"),
            ("CITATION.cff", "version: 0.1.0", "version: 0.1.1"),
            ("params.yaml", "max: 600\n", "max: 600 # min\n"),
        ],
        ["check", "publish"],  # they take these files whole; the bundle holds params.yaml, comments and all
    ),
    "the gate": (
        [("params.yaml", "roc_auc: {min: 0.5}", "roc_auc: {min: 0.4}")],
        ["check", "evaluate", "publish"],
    ),
    "a bound that no row reaches": (
        [("params.yaml", "max: 231", "max: 240")],
        ["check", "clean", "publish"],  # the same rows come out of clean, so what follows has nothing to do
    ),
    "a choice of the model": (
        [("params.yaml", "max_depth: 5", "max_depth: 4")],
        ["check", "train", "evaluate", "publish"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_what_depends_on_it(project, change):
    edits, expected = CHANGES[change]
    before = locked_outputs(project)
    for name, old, new in edits:
        replace(project, name, old, new)
    assert stages_run(must_run(project, "dvc", "repro")) == expected
    allowed = {path for name in expected for path in outputs(stages(project)[name])}
    assert {path for path, md5 in locked_outputs(project).items() if before[path] != md5} <= allowed


def reversed_keys(value):
    return {key: reversed_keys(value[key]) for key in reversed(value)} if isinstance(value, dict) else value


def test_the_order_of_tables_rules_and_features_changes_no_byte(project):
    before = locked_outputs(project)
    params = yaml.safe_load((project / "params.yaml").read_text())
    turned = reversed_keys(params)
    for section in ("access", "clean"):
        assert list(turned[section]) != list(params[section])
    for names in (*params["clean"].values(), params["transform"]["features"]):
        assert len(names) > 1
    (project / "params.yaml").write_text(yaml.safe_dump(turned, sort_keys=False, allow_unicode=True))
    assert stages_run(must_run(project, "dvc", "repro", "--force")) == list(stages(project))
    before.pop("data/published")  # it holds params.yaml as it is
    assert locked_outputs(project).items() >= before.items()


def test_an_experiment_that_fails_the_gate_ends_well_and_says_so(project):
    passed = json.loads((project / "metrics" / "evaluate.json").read_text())
    assert (passed["passed"], passed["gate"]) == (True, [])
    printed = must_run(project, "dvc", "exp", "run", "-S", "evaluate.gate.roc_auc.min=0.99")
    assert stages_run(printed) == ["check", "evaluate", "publish"]
    failed = json.loads((project / "metrics" / "evaluate.json").read_text())
    line = f"roc_auc is {passed['roc_auc']}, the minimum is 0.99"
    assert failed == {**passed, "passed": False, "gate": [line]}
    assert json.loads((project / "data" / "published" / "evaluate.json").read_text()) == failed
