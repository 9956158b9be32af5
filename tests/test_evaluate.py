"""Evaluation: the test part beside the baseline, the gate, plots that DVC draws, and odd test parts in words."""

import json

import numpy as np
import pandas as pd
import pytest

import evaluate
import train
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.ready import part_path, write_ready_part, write_schema

ROWS = 80


def flights(rows: int = ROWS) -> pd.DataFrame:
    number = np.arange(rows)
    distance = (number * 37 % 101).astype(float)
    return pd.DataFrame(
        {
            "flight": pd.array(number, dtype="Int64"),
            "carrier": pd.array(np.where(number % 2, "UA", "AA"), dtype="str"),
            "distance": distance,
            "late": pd.array((distance > 60) ^ (number % 9 == 0), dtype="boolean"),
            "delay": distance / 3 + number % 4,
            "cause": pd.array(np.array(["air", "crew", "none"])[(distance // 34).astype(int)], dtype="str"),
        }
    )


LOGISTIC = "sklearn.linear_model.LogisticRegression"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Train on the first rows with given settings, evaluate on the given test part, and return what evaluate says."""
    monkeypatch.chdir(tmp_path)

    def run(target: str = "late", model: str = LOGISTIC, gate: str = "{}", test: pd.DataFrame | None = None, **change):
        (tmp_path / "params.yaml").write_text(
            f"seed: 7\n"
            f"serve: {{target: {target}, inputs: [carrier, distance], split: {{by: key, test_share: 0.25}}}}\n"
            f"train: {{model: {model}, scale: true, encode: one_hot, folds: 2}}\n"
            f"evaluate: {{gate: {gate}}}\n"
        )
        sides = {"train": flights().iloc[:60].assign(**change), "test": flights().iloc[60:] if test is None else test}
        for side, frame in sides.items():
            (tmp_path / "data/ready" / side).mkdir(parents=True, exist_ok=True)
            write_ready_part(frame, part_path(tmp_path / "data/ready" / side, 0, "parquet"))
        write_schema(sides["train"], tmp_path / "data/ready")
        train.main()
        evaluate.main()
        return json.loads((tmp_path / "metrics/evaluate.json").read_text())

    return run


def read_plots(folder) -> dict[str, int]:
    """Rows a plot."""
    plots = {path.stem: len(json.loads(path.read_text())) for path in folder.glob("*.json")}
    return plots | {path.stem: len(pd.read_csv(path)) for path in folder.glob("*.csv")}


def test_two_classes_are_judged_beside_the_baseline(project, tmp_path):
    metrics = project(gate="{roc_auc: {min: 0.6}, brier: {max: 0.5}}")
    assert list(metrics) == [
        *("roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"),
        *("roc_auc_low", "roc_auc_high", "baseline_roc_auc", "test_rows", "passed", "gate", "undefined"),
    ]
    assert metrics["baseline_roc_auc"] == 0.5 < metrics["roc_auc_low"] < metrics["roc_auc"] <= metrics["roc_auc_high"]
    assert (metrics["test_rows"], metrics["passed"], metrics["gate"], metrics["undefined"]) == (20, True, [], [])
    plots = read_plots(tmp_path / "metrics/plots")
    assert set(plots) == {"roc", "precision_recall", "calibration", "confusion", "residuals"}
    assert (plots["calibration"], plots["confusion"], plots["residuals"]) == (10, 20, 0)
    assert (tmp_path / "metrics/plots/confusion.csv").read_text().startswith("actual,predicted\nfalse,false\n")
    assert list(json.loads((tmp_path / "metrics/plots/roc.json").read_text())[0]) == [
        "false_positive_rate",
        "true_positive_rate",
    ]


def test_failed_gate_is_recorded_and_not_raised(project):
    metrics = project(gate="{accuracy: {min: 0.999}, f1: {max: 0.001}}")
    assert metrics["passed"] is False
    assert metrics["gate"] == [
        f"accuracy is {metrics['accuracy']}, the minimum is 0.999",
        f"f1 is {metrics['f1']}, the maximum is 0.001",
    ]


def test_unknown_metric_in_the_gate_is_refused(project, tmp_path):
    with pytest.raises(ProjectErrors, match=r"params.yaml: evaluate.gate.rmse: no such metric"):
        project(gate="{rmse: {max: 3}}")
    assert not (tmp_path / "metrics/evaluate.json").exists()


def test_regression_is_judged_by_its_errors(project, tmp_path):
    metrics = project(target="delay", model="sklearn.linear_model.Ridge", gate="{rmse: {max: 5}}")
    assert metrics["rmse_low"] < metrics["rmse"] < metrics["rmse_high"] < metrics["baseline_rmse"]
    assert metrics["passed"] and {"mae", "r2"} < set(metrics)
    assert read_plots(tmp_path / "metrics/plots") == {
        "roc": 0,
        "precision_recall": 0,
        "calibration": 0,
        "confusion": 0,
        "residuals": 20,
    }


def test_three_classes_are_judged_by_mean_f1(project, tmp_path):
    metrics = project(target="cause")
    assert metrics["baseline_f1"] < metrics["f1_low"] <= metrics["f1"] <= metrics["f1_high"]
    assert metrics["undefined"] == []
    plots = read_plots(tmp_path / "metrics/plots")
    assert {name for name, rows in plots.items() if rows} == {"confusion"}


def test_test_part_of_one_class_leaves_metrics_without_a_value(project):
    metrics = project(
        test=flights().loc[lambda table: ~table["late"]], gate="{roc_auc: {min: 0.6}, accuracy: {min: 0}}"
    )
    assert metrics["roc_auc"] is metrics["roc_auc_low"] is metrics["baseline_roc_auc"] is None
    assert metrics["accuracy"] > 0.5
    assert metrics["undefined"] == [
        "roc_auc: no row of the class True",
        "average_precision: no row of the class True",
    ]
    assert (metrics["passed"], metrics["gate"]) == (False, ["roc_auc has no value"])


def test_class_that_training_never_saw_counts_as_a_mistake(project):
    test = flights().iloc[60:].assign(cause=pd.array(["strike"] * 20, dtype="str"))
    metrics = project(target="cause", test=test)
    assert metrics["accuracy"] == metrics["f1"] == 0
    assert metrics["undefined"][0] == "roc_auc: strike stands in the test part and not in the training part"


def test_model_without_probabilities_has_no_log_loss(project):
    metrics = project(model="sklearn.svm.LinearSVC")
    assert metrics["roc_auc"] > 0.5 and metrics["log_loss"] is None
    assert metrics["undefined"] == [
        "log_loss: the model gives no probabilities",
        "brier: the model gives no probabilities",
    ]


def test_one_row_is_enough(project):
    assert project(test=flights().iloc[60:61])["test_rows"] == 1
    assert project(target="delay", model="sklearn.linear_model.Ridge", test=flights().iloc[60:61])["r2"] is None


def test_odd_test_parts_are_refused_in_words(project):
    with pytest.raises(ProjectError, match="data/ready/test: no rows"):
        project(test=flights().iloc[:0])
    test = flights().iloc[60:]
    with pytest.raises(ProjectError, match="`late` is missing in 20 of 20 rows"):
        project(test=test.assign(late=pd.array([None] * 20, dtype="boolean")))
    with pytest.raises(ProjectError, match="data/ready/test: LogisticRegression takes no missing values"):
        project(test=test.assign(distance=np.nan))


def test_same_data_give_the_same_bytes(project, tmp_path):
    written = []
    for _ in range(2):
        project()
        files = sorted(path for path in (tmp_path / "metrics").rglob("*") if path.is_file())
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
