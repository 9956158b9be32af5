"""The command compare: versions as a table that says in what they differ, and as pictures."""

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import compare
from pipeline.comparison.markdown import to_markdown
from pipeline.comparison.pictures import draw
from pipeline.comparison.versions import Version, ranked, read_version
from pipeline.errors import ProjectError

ROC = {"title": "ROC", "template": "simple", "x": "x", "y": "y"}
BARS = {"title": "Cleaning", "template": "bars", "x": "count", "y": "rule"}


def version(name, cv=None, test=None, plots=None, **params):
    metrics = {} if cv is None else {"cv_roc_auc": cv, "cv_roc_auc_std": 0.02}
    if test is not None:
        metrics |= {"roc_auc": test, "roc_auc_low": test - 0.01, "roc_auc_high": test + 0.01, "passed": test > 0.6}
        metrics |= {"accuracy": 0.75, "test_rows": 12530 if test > 0.6 else 2}
    return Version(name, params, metrics, plots or {})


def test_the_table_shows_what_differs_and_no_more():
    versions = [version("main", 0.61, 0.62, depth=5, seed=1), version("deep", 0.62, 0.59, depth=12, seed=1)]
    assert to_markdown(versions).splitlines()[:4] == [
        "|  | `depth` | cv_roc_auc | change | roc_auc | gate |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| `main` | 5 | 0.6100 ± 0.02 | - | 0.6200 (0.6100-0.6300) | passed |",
        "| `deep` | 12 | 0.6200 ± 0.02 | +0.01 | 0.5900 (0.5800-0.6000) | failed |",
    ]


def test_the_best_in_cross_validation_follows_the_first_and_what_was_not_run_comes_last():
    versions = [version("main", 0.5, 0.5), version("never"), version("a", 0.6, 0.9), version("b", 0.7, 0.4)]
    assert [each.name for each in ranked(versions)] == ["main", "b", "a", "never"]


def test_of_errors_less_is_better():
    made = [
        Version(name, {}, {"cv_rmse": value, "rmse": value, "rmse_low": 1.0, "rmse_high": 9.0}, {})
        for name, value in (("main", 3.0), ("worse", 4.0), ("better", 2.0))
    ]
    assert [each.name for each in ranked(made)] == ["main", "better", "worse"]
    assert "(less is better)" in to_markdown(made)


def test_a_version_that_nobody_has_run_is_a_row_of_dashes():
    rows = to_markdown([version("main", depth=5), version("new", 0.6, 0.61, depth=6)]).splitlines()
    assert rows[2] == "| `main` | 5 | - | - | - | - |"
    assert rows[3] == "| `new` | 6 | 0.6000 ± 0.02 | - | 0.6100 (0.6000-0.6200) | passed |"


def test_versions_without_any_metrics_are_a_mistake():
    with pytest.raises(
        ProjectError, match=r"metrics/evaluate\.json: there are no metrics in main, HEAD\n  Run `dvc repro`"
    ):
        ranked([version("main"), version("HEAD")])


def test_a_value_cannot_break_the_table():
    rows = to_markdown([version("a|b", 0.6, 0.6, rule="x|y"), version("c", 0.6, 0.6, rule=None)]).splitlines()
    assert rows[2].startswith("| `a\\|b` | x\\|y |")
    assert rows[3].startswith("| `c` | - |")


def test_lines_and_bars_are_drawn_and_what_is_empty_is_not(tmp_path):
    roc = (ROC, pd.DataFrame({"x": [0, 1], "y": [0, 1]}))
    bars = (BARS, pd.DataFrame({"rule": ["a", "b"], "count": [1946, 0]}))
    empty = (ROC | {"title": "Residuals"}, pd.DataFrame())
    confusion = ({"template": "confusion_counts", "x": "x", "y": "y"}, pd.DataFrame({"x": ["a"], "y": ["a"]}))
    plots = {"roc.json": roc, "ledger.csv": bars, "residuals.json": empty, "confusion.json": confusion}
    older = {"roc.json": roc, "ledger.csv": (BARS, pd.DataFrame({"rule": ["a"], "rows": [7]}))}
    made = draw([version("main", 0.6, 0.6, older), version("HEAD", 0.61, 0.6, plots), version("new")], tmp_path)
    assert made == {"roc_auc": "scores.png", "ROC": "roc.png", "Cleaning": "ledger.png"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(made.values())
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())


def test_the_same_versions_give_the_same_bytes(tmp_path):
    drawn = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        draw([version("main", 0.6, 0.6, {"roc.json": (ROC, pd.DataFrame({"x": [0, 1], "y": [0, 1]}))})], folder)
        drawn.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert drawn[0] == drawn[1]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, on main."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / ".git" / "site"))
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")
    Path("dvc.yaml").write_text(
        "stages:\n  evaluate:\n    cmd: 'true'\n    metrics: [{metrics.json: {cache: false}}]\n"
        "plots: [{ledger.csv: {title: Cleaning, template: bars, x: count, y: rule}}, {absent.json: {x: a, y: b}}]\n"
    )
    Path("params.yaml").write_text("train: {options: {max_depth: 3}, inputs: [a, b]}\nclean: {}\n")
    Path("metrics.json").write_text(json.dumps({"roc_auc": 0.6, "roc_auc_low": 0.5, "roc_auc_high": 0.7}))
    Path("ledger.csv").write_text("rule,phase,count\nflights.arrived,reject,1946\n")
    author = ["-c", "user.name=A tester", "-c", "user.email=tester@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*author, "commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], check=True)
    return tmp_path


def test_a_version_is_read_from_git_without_a_run(repository):
    Path("metrics.json").write_text("{}")  # of the workspace, which is no version
    read = read_version("main")
    assert read.params == {"train.options.max_depth": 3, "train.inputs": ["a", "b"], "clean": {}}
    assert read.metrics == {"roc_auc": 0.6, "roc_auc_low": 0.5, "roc_auc_high": 0.7}
    assert list(read.plots) == ["ledger.csv"]
    assert read.plots["ledger.csv"][1].to_dict("records") == [
        {"rule": "flights.arrived", "phase": "reject", "count": 1946}
    ]


def test_what_is_wrong_is_named(repository, monkeypatch):
    for arguments, message in (
        (["mian"], r"^mian: no such commit, branch, tag or experiment\n  Did you mean `main`\?  \(known: main\)$"),
        ([], r"^HEAD: no experiment started from it\n  Run one \(dvc exp run -S …\), or name what to compare"),
        (["main", "--to", "dvc.yaml"], r"^dvc.yaml: is a file, expected a folder\n  Name another: --to FOLDER$"),
    ):
        monkeypatch.setattr("sys.argv", ["compare.py", *arguments])
        with pytest.raises(ProjectError, match=message):
            compare.main()


def test_a_commit_before_the_pipeline_is_no_version(repository):
    empty = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=b", "commit-tree", "-m", "Nothing", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    with pytest.raises(ProjectError, match=f"^{empty}: has no dvc.yaml, so it is no version of this project$"):
        read_version(empty)
