"""Evaluate: judge the model by the test part, once, beside baseline and linear model, and say whether it passes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipeline import curves, modelling, params, scoring, stage
from pipeline.contract import RAW_SCHEMA, load_schema
from pipeline.decisions import decide
from pipeline.drift import drift
from pipeline.errors import ProjectError
from pipeline.findings import Part, findings_of_data, findings_of_model
from pipeline.importance import importance
from pipeline.judging import judge, judge_slices
from pipeline.matrix import to_matrix, to_target
from pipeline.modelfile import load_model
from pipeline.modelling import Prediction
from pipeline.params import Evaluate
from pipeline.ready import read_ready
from pipeline.tables import new_folders, part_path, write_part

TRAIN, TEST = Path("data/ready/train"), Path("data/ready/test")
MODELS = {name: Path(f"models/{name}.skops") for name in ("model", "baseline", "linear")}
TRAINED, METRICS = Path("metrics/train.json"), Path("metrics/evaluate.json")
EVALUATION, PLOTS = Path("metrics/evaluation.json"), Path("metrics/plots")
PREDICTIONS = Path("data/predictions")


def main() -> None:
    seed, partition_rows, table = params.load("seed", "partition_rows", "transform.table")
    inputs, target, split, settings = params.load("serve.inputs", "serve.target", "serve.split", "evaluate")
    models = {name: load_model(path) for name, path in MODELS.items()}
    trained = json.loads(TRAINED.read_text(encoding="utf-8"))
    key = load_schema(RAW_SCHEMA)[table].table_schema.primaryKey
    cluster = [split.column] if split.column else []
    columns = list(dict.fromkeys([*key, *settings.slices, *inputs, target, *cluster]))
    tables = read_ready(TRAIN, [*dict.fromkeys([*key, *inputs, target])]), read_ready(TEST, columns)
    if tables[1].empty:
        raise ProjectError(str(TEST), "no rows", "Take a larger serve.split.test_share in params.yaml.")
    kind = type(models["model"][-1])
    train, test = (
        Part(to_matrix(rows[inputs]), to_target(rows[target], kind), rows[key], rows.get(split.column))
        for rows in tables
    )
    evaluation, prediction = evaluate(models, train, test, tables[1][settings.slices], trained, settings, seed)
    write({"target": target, **evaluation}, prediction, test, partition_rows)


def evaluate(
    models: Mapping[str, Pipeline],
    train: Part,
    test: Part,
    sliced: pd.DataFrame,
    trained: Mapping[str, Any],
    settings: Evaluate,
    seed: int,
) -> tuple[dict[str, Any], Prediction]:
    """Find out all that metrics/evaluation.json says.

    Args:
        models: `model`, `baseline` and `linear`.
        sliced: the columns of the test part to slice by, shape (n, columns).
        trained: what metrics/train.json says.

    Returns:
        The evaluation, and what the model says of the test part.
    """
    model = models["model"]
    classes = model.classes_ if modelling.is_classifier(model) else None
    task = scoring.task_of(classes)
    scoring.check_gate(settings.gate, scoring.METRICS[task])
    said = {name: modelling.predict(each, test.matrix, str(TEST)) for name, each in models.items()}
    said["model"] = decide(said["model"], classes, trained.get("threshold"))
    said["linear"] = decide(said["linear"], classes, trained.get("threshold_linear"))
    clusters = None if test.cluster is None else pd.factorize(test.cluster, use_na_sentinel=False)[0]
    metrics, undefined = judge(test.target, said, classes, clusters, seed)
    sliced_metrics = judge_slices(sliced, test.target, said["model"], classes, clusters, seed)
    drifts = drift(train.matrix, test.matrix)
    gate = scoring.judge_gate(settings.gate, metrics)
    evaluation = {
        "task": task,
        "classes": None if classes is None else classes.tolist(),
        "threshold": trained.get("threshold"),
        "rows": {"train": len(train.target), "test": len(test.target)},
        "metrics": metrics,
        "slices": sliced_metrics,
        "importance": importance(model, test.matrix, test.target, classes, seed),
        "drift": drifts,
        "findings": [
            *findings_of_data(train, test, classes, drifts, seed),
            *findings_of_model(metrics, sliced_metrics, trained["folds"], said["model"], test.target, classes),
        ],
        "gate": gate,
        "passed": all(line["passed"] for line in gate),
        "undefined": undefined,
    }
    return evaluation, said["model"]


def write(evaluation: dict[str, Any], prediction: Prediction, test: Part, partition_rows: int) -> None:
    classes = None if evaluation["classes"] is None else np.array(evaluation["classes"])
    rows = table_of_predictions(test, prediction, classes)
    with new_folders(PREDICTIONS):
        for number, start in enumerate(range(0, len(rows), partition_rows)):
            write_part(rows.iloc[start : start + partition_rows], part_path(PREDICTIONS, number))
    PLOTS.mkdir(parents=True, exist_ok=True)
    drawn = curves.plots(test.target, prediction, classes)
    points = {name: frame.to_dict("records") for name, frame in drawn.items()}
    for name, records in {**points, "importance": evaluation["importance"]}.items():
        write_json(PLOTS / f"{name}.json", records)
    write_json(EVALUATION, evaluation)
    write_json(METRICS, numbers_to_compare(evaluation))


def table_of_predictions(test: Part, prediction: Prediction, classes: np.ndarray | None) -> pd.DataFrame:
    """The key, what came, what was predicted, and the probability of each class; rows in the order of the test part."""
    dtype = {"b": "boolean", "i": "Int64", "U": "str", "f": "float64"}[test.target.dtype.kind]
    columns = {"actual": pd.array(test.target, dtype), "predicted": pd.array(prediction.values, dtype)}
    if prediction.probabilities is not None:
        names = [f"probability_{name}" for name in scoring.class_names(classes)]
        columns |= dict(zip(names, prediction.probabilities.T, strict=True))
    return test.key.assign(**columns)


def numbers_to_compare(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers that `dvc exp show` has room for."""
    name = scoring.MAIN_METRIC[evaluation["task"]]
    main = evaluation["metrics"][name]
    return {
        **{metric: numbers["value"] for metric, numbers in evaluation["metrics"].items()},
        f"{name}_low": main["low"],
        f"{name}_high": main["high"],
        f"baseline_{name}": main["baseline"],
        f"linear_{name}": main["linear"],
        "test_rows": evaluation["rows"]["test"],
        "findings": len(evaluation["findings"]),
        "passed": evaluation["passed"],
    }


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    stage.run(main)
