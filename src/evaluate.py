"""Evaluate: judge the model by the test part, once, beside the baseline, and say whether the gate is passed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import curves, modelling, params, scoring, stage
from pipeline.errors import ProjectError
from pipeline.matrix import to_matrix, to_target
from pipeline.modelfile import load_model
from pipeline.modelling import Prediction
from pipeline.params import Bound
from pipeline.ready import read_ready

TEST = Path("data/ready/test")
MODEL = Path("models/model.skops")
BASELINE = Path("models/baseline.skops")
METRICS = Path("metrics/evaluate.json")
PLOTS = Path("metrics/plots")


def main() -> None:
    seed, inputs, target, settings = params.load("seed", "serve.inputs", "serve.target", "evaluate")
    model, baseline = load_model(MODEL), load_model(BASELINE)
    table = read_ready(TEST, [*inputs, target])
    if table.empty:
        raise ProjectError(str(TEST), "no rows", "Take a larger serve.split.test_share in params.yaml.")
    actual = to_target(table[target], type(model[-1]))
    classes = model.classes_ if modelling.is_classifier(model) else None
    matrix = to_matrix(table[inputs])
    prediction, beside = (modelling.predict(each, matrix, str(TEST)) for each in (model, baseline))
    metrics = evaluate(actual, prediction, beside, classes, settings.gate, seed)
    PLOTS.mkdir(parents=True, exist_ok=True)
    for name, points in curves.plots(actual, prediction, classes).items():
        if name == "confusion":
            points.to_csv(PLOTS / "confusion.csv", index=False, lineterminator="\n")
        else:
            (PLOTS / f"{name}.json").write_text(json.dumps(points.to_dict("records"), indent=1) + "\n")
    METRICS.write_text(json.dumps(metrics, indent=2) + "\n")


def evaluate(
    actual: np.ndarray,
    prediction: Prediction,
    baseline: Prediction,
    classes: np.ndarray | None,
    gate: Mapping[str, Bound],
    seed: int,
) -> dict[str, Any]:
    """Compute the metrics, the interval and the baseline of the main one, and the gate.

    Args:
        actual: the target of the test part, shape (n,).
        classes: those of the training part, None for a regressor.

    Returns:
        Numbers by name, `passed`, and two lists in words: the lines of the gate that are not passed, and the metrics
        that have no value, with the reason.
    """
    task = scoring.task_of(classes)
    names, main_metric = scoring.METRICS[task], scoring.MAIN_METRIC[task]
    scoring.check_gate(gate, names)
    values: dict[str, float | None] = {}
    undefined = []
    for name in names:
        value, reason = scoring.score(name, actual, prediction, classes)
        values[name] = None if value is None else scoring.rounded(value)
        undefined += [f"{name}: {reason}"] if value is None else []
    low, high = scoring.interval(actual, prediction, classes, seed) or (np.nan, np.nan)
    beside, _ = scoring.score(main_metric, actual, baseline, classes)
    failed = scoring.failed_lines(gate, values)
    return {
        **values,
        f"{main_metric}_low": scoring.rounded(low),
        f"{main_metric}_high": scoring.rounded(high),
        f"baseline_{main_metric}": None if beside is None else scoring.rounded(beside),
        "test_rows": len(actual),
        "passed": not failed,
        "gate": failed,
        "undefined": undefined,
    }


if __name__ == "__main__":
    stage.run(main)
