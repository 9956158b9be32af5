"""Evaluation: the test part beside the baseline, the gate, plots that DVC draws, and odd test parts in words."""

import json

import numpy as np
import pandas as pd
import pytest

import evaluate
import train
from pipeline.contract import without_prose
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.ready import part_path, write_ready_part, write_schema
from pipeline.tables import part_paths, read_table
from small import resource, write

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


METRIC = ["value", "low", "high", "baseline", "linear", "gain_low", "gain_high"]
LOGISTIC = "sklearn.linear_model.LogisticRegression"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Train on the first rows with given settings, evaluate on the given test part, and return metrics/evaluation.json."""
    monkeypatch.chdir(tmp_path)

    def run(
        target: str = "late", model: str = LOGISTIC, gate: str = "{}", test=None, slices=(), threshold="f1",
        split: str = "by: key", **change,
    ):  # fmt: skip
        (tmp_path / "params.yaml").write_text(
            f"seed: 7\npartition_rows: 8\ntransform: {{table: flights}}\n"
            f"serve: {{target: {target}, inputs: [carrier, distance], split: {{{split}, test_share: 0.25}}}}\n"
            f"train: {{model: {model}, scale: true, encode: one_hot, folds: 2, threshold: {threshold}}}\n"
            f"evaluate: {{gate: {gate}, slices: [{', '.join(slices)}]}}\n"
        )
        schema = {"flights": resource({"name": "flight", "type": "integer"}, schema={"primaryKey": ["flight"]})}
        write(tmp_path / "data/schema/raw.json", without_prose(schema))
        sides = {"train": flights().iloc[:60].assign(**change), "test": flights().iloc[60:] if test is None else test}
        for side, frame in sides.items():
            (tmp_path / "data/ready" / side).mkdir(parents=True, exist_ok=True)
            write_ready_part(frame, part_path(tmp_path / "data/ready" / side, 0, "parquet"))
        write_schema(sides["train"], tmp_path / "data/ready")
        train.main()
        evaluate.main()
        return json.loads((tmp_path / "metrics/evaluation.json").read_text())

    return run


def read_plots(folder) -> dict[str, int]:
    """Rows a plot."""
    return {path.stem: len(json.loads(path.read_text())) for path in folder.iterdir()}


def test_two_classes_are_judged_beside_baseline_and_linear_model(project, tmp_path):
    found = project(gate="{roc_auc: {min: 0.6, beats_baseline_by: 0.1}, brier: {max: 0.5}}")
    assert (found["task"], found["target"], found["classes"]) == ("binary", "late", [False, True])
    assert found["rows"] == {"train": 60, "test": 20}
    assert list(found["metrics"]) == ["roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"]
    for name, numbers in found["metrics"].items():
        assert list(numbers) == METRIC
        assert numbers["low"] <= numbers["value"] <= numbers["high"], name
    assert found["metrics"]["roc_auc"]["baseline"] == 0.5 < found["metrics"]["roc_auc"]["low"]
    assert (found["passed"], found["undefined"]) == (True, {})
    plots = read_plots(tmp_path / "metrics/plots")
    assert set(plots) == {"roc", "precision_recall", "calibration", "confusion", "residuals", "importance"}
    assert (plots["calibration"], plots["confusion"], plots["residuals"], plots["importance"]) == (10, 4, 0, 2)
    assert sum(cell["rows"] for cell in json.loads((tmp_path / "metrics/plots/confusion.json").read_text())) == 20
    assert list(json.loads((tmp_path / "metrics/plots/roc.json").read_text())[0]) == [
        "false_positive_rate",
        "true_positive_rate",
    ]


def test_few_numbers_stand_apart_to_be_compared(project, tmp_path):
    found, numbers = project(), json.loads((tmp_path / "metrics/evaluate.json").read_text())
    roc_auc = found["metrics"]["roc_auc"]
    assert numbers == {
        **{name: metric["value"] for name, metric in found["metrics"].items()},
        "roc_auc_low": roc_auc["low"],
        "roc_auc_high": roc_auc["high"],
        "baseline_roc_auc": 0.5,
        "linear_roc_auc": roc_auc["linear"],
        "test_rows": 20,
        "findings": len(found["findings"]),
        "passed": True,
    }


def test_predictions_stand_beside_the_key_in_the_order_of_the_test_part(project, tmp_path):
    threshold = project()["threshold"]
    rows = read_table(tmp_path / "data/predictions")
    assert [path.name for path in part_paths(tmp_path / "data/predictions")] == [
        f"part-0000{n}.parquet" for n in range(3)
    ]
    assert list(rows) == ["flight", "actual", "predicted", "probability_false", "probability_true"]
    assert rows["flight"].tolist() == list(range(60, 80))
    assert rows["actual"].tolist() == flights()["late"][60:].tolist()
    assert rows["predicted"].tolist() == (rows["probability_true"] >= threshold).tolist()
    assert (rows["probability_false"] + rows["probability_true"]).tolist() == pytest.approx([1] * 20)


def test_predictions_of_numbers_are_numbers(project, tmp_path):
    project(target="delay", model="sklearn.linear_model.Ridge")
    rows = read_table(tmp_path / "data/predictions")
    assert rows.dtypes.astype("str").to_dict() == {"flight": "Int64", "actual": "float64", "predicted": "float64"}


def test_threshold_decides_for_the_linear_model_by_its_own(project, tmp_path):
    found = project()
    trained = json.loads((tmp_path / "metrics/train.json").read_text())
    assert found["threshold"] == trained["threshold"] and 0 < trained["threshold_linear"] < 1
    model = "sklearn.linear_model.LogisticRegression"
    found = project(model=model, threshold=0.0)["metrics"]
    assert found["f1"]["value"] == found["f1"]["linear"] == found["f1"]["baseline"]  # all say late


def test_each_slice_has_the_metrics_of_its_rows(project):
    found = project(slices=["carrier", "flight"])
    carriers = [(each["value"], each["rows"]) for each in found["slices"] if each["column"] == "carrier"]
    assert carriers == [("AA", 10), ("UA", 10)]
    assert sum(each["rows"] for each in found["slices"] if each["column"] == "flight") == 20
    accuracy = [each["metrics"]["accuracy"] for each in found["slices"][:2]]
    assert sum(each["value"] for each in accuracy) / 2 == pytest.approx(found["metrics"]["accuracy"]["value"])
    assert all(each["low"] <= each["value"] <= each["high"] for each in accuracy)


def test_failed_gate_is_recorded_with_the_line_and_not_raised(project):
    found = project(gate="{accuracy: {min: 0.999}, f1: {max: 0.001}, brier: {max: 1}}")
    assert found["passed"] is False
    assert found["gate"] == [
        {"line": "accuracy is at least 0.999", "value": found["metrics"]["accuracy"]["value"], "passed": False},
        {"line": "brier is at most 1.0", "value": found["metrics"]["brier"]["value"], "passed": True},
        {"line": "f1 is at most 0.001", "value": found["metrics"]["f1"]["value"], "passed": False},
    ]


def test_unknown_metric_in_the_gate_is_refused(project, tmp_path):
    with pytest.raises(ProjectErrors, match=r"params.yaml: evaluate.gate.rmse: no such metric"):
        project(gate="{rmse: {max: 3}}")
    assert not (tmp_path / "metrics/evaluate.json").exists()


def test_regression_is_judged_by_its_errors(project, tmp_path):
    found = project(target="delay", model="sklearn.linear_model.Ridge", gate="{rmse: {max: 5}}")
    rmse = found["metrics"]["rmse"]
    assert rmse["low"] < rmse["value"] < rmse["high"] < rmse["baseline"]
    assert (found["task"], found["classes"], found["threshold"]) == ("regression", None, None)
    assert found["passed"] and list(found["metrics"]) == ["rmse", "mae", "r2"]
    plots = read_plots(tmp_path / "metrics/plots")
    assert {name: rows for name, rows in plots.items() if rows} == {"residuals": 20, "importance": 2}


def test_three_classes_are_judged_by_mean_f1(project, tmp_path):
    found = project(target="cause")
    f1 = found["metrics"]["f1"]
    assert f1["baseline"] < f1["low"] <= f1["value"] <= f1["high"]
    assert (found["task"], found["classes"], found["threshold"]) == ("multiclass", ["air", "crew", "none"], None)
    assert found["undefined"] == {}
    plots = read_plots(tmp_path / "metrics/plots")
    assert {name for name, rows in plots.items() if rows} == {"confusion", "importance"}
    assert list(read_table(tmp_path / "data/predictions"))[-3:] == [
        "probability_air",
        "probability_crew",
        "probability_none",
    ]


def test_rows_of_a_group_are_drawn_together(project):
    def accuracy(split: str, groups: int) -> list[float]:
        column = pd.array(flights()["flight"] // (20 // groups) % groups, dtype="Int64")
        table = flights().assign(hour=column)
        found = project(split=split, threshold="0.5", test=table.iloc[60:], hour=column[:60])
        few = [each["message"] for each in found["findings"] if each["check"] == "few_clusters"]
        return [found["metrics"]["accuracy"][name] for name in METRIC[:3]], few

    by_row, of_pairs = accuracy("by: key", 10), accuracy("by: group, column: hour", 10)
    assert by_row[0] == of_pairs[0]
    assert by_row[1] == []
    assert of_pairs[1] == [
        "the test part has 10 values of `hour`: too few to draw them for intervals, "
        "which take its rows as independent, and may be too narrow"
    ]
    of_rows = accuracy("by: group, column: hour", 20)
    assert (of_rows[0], of_rows[1]) == (by_row[0], [])


def test_test_part_of_one_class_leaves_metrics_without_a_value(project):
    found = project(test=flights().loc[lambda table: ~table["late"]], gate="{roc_auc: {min: 0.6}, accuracy: {min: 0}}")
    assert found["metrics"]["roc_auc"] == dict.fromkeys(METRIC)
    assert found["undefined"] == {
        "roc_auc": "no row of the class True",
        "average_precision": "no row of the class True",
    }
    assert found["importance"] == []
    assert found["passed"] is False
    assert found["gate"][1] == {"line": "roc_auc is at least 0.6", "value": None, "passed": False}


def test_class_that_training_never_saw_counts_as_a_mistake(project):
    test = flights().iloc[60:].assign(cause=pd.array(["strike"] * 20, dtype="str"))
    found = project(target="cause", test=test)
    assert found["metrics"]["accuracy"]["value"] == found["metrics"]["f1"]["value"] == 0
    assert found["undefined"]["roc_auc"] == "strike stands in the test part and not in the training part"


def test_model_without_probabilities_has_no_log_loss_and_no_threshold(project, tmp_path):
    found = project(model="sklearn.svm.LinearSVC")
    assert found["metrics"]["roc_auc"]["value"] > 0.5 and found["threshold"] is None
    assert found["undefined"] == dict.fromkeys(["log_loss", "brier"], "the model gives no probabilities")
    assert list(read_table(tmp_path / "data/predictions")) == ["flight", "actual", "predicted"]


def test_one_row_is_enough(project):
    assert project(test=flights().iloc[60:61])["rows"]["test"] == 1
    found = project(target="delay", model="sklearn.linear_model.Ridge", test=flights().iloc[60:61])
    assert found["metrics"]["r2"]["value"] is None


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
        files = [path for name in ("metrics", "models", "data/predictions") for path in (tmp_path / name).rglob("*.*")]
        written.append({path: path.read_bytes() for path in files})
    assert written[0] == written[1]
