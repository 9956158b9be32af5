"""Judging: every metric with its interval, beside the baseline and the linear model, of all rows and of each slice."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline import scoring
from pipeline.bootstrap import limits, resample
from pipeline.modelling import Prediction
from pipeline.slices import slices


def judge(
    actual: np.ndarray,
    said: Mapping[str, Prediction],
    classes: np.ndarray | None,
    clusters: np.ndarray | None,
    seed: int,
) -> tuple[dict[str, dict[str, float | None]], dict[str, str]]:
    """Compute every metric of the task.

    The baseline answers the same for every row. For the F1 of two classes that is the second class, with which a
    constant answer gets most; for everything else what the shares of the training part say.

    Args:
        actual: the target of the test part, shape (n,).
        said: predictions of `model`, `baseline` and `linear`.
        classes: those of the training part, None for a regressor.
        clusters: of rows that hang together, shape (n,); see bootstrap.resample.

    Returns:
        Metric -> `value`, `low` and `high` of its 95 % interval, `baseline`, `linear`, `gain_low` and `gain_high` of
        that of the gain over the linear model; None where there is none. And metric -> the reason why the model has
        no value.
    """
    model, linear = resample(actual, [said["model"], said["linear"]], classes, clusters, seed)
    metrics, undefined = {}, {}
    for name in scoring.METRICS[scoring.task_of(classes)]:
        value, reason = scoring.score(name, actual, said["model"], classes)
        low, high = limits(model.get(name)) or (None, None)
        gains = scoring.gain(name, model[name], linear[name]) if name in model and name in linear else None
        gain_low, gain_high = limits(gains) or (None, None)
        baseline = said["baseline"]
        if name == "f1" and classes is not None and len(classes) == 2:
            baseline = Prediction(np.full(len(actual), classes[1]))
        found = {"value": value, "low": low, "high": high}
        found["baseline"] = scoring.score(name, actual, baseline, classes)[0]
        found["linear"] = scoring.score(name, actual, said["linear"], classes)[0]
        found |= {"gain_low": gain_low, "gain_high": gain_high}
        metrics[name] = {what: scoring.rounded(number) for what, number in found.items()}
        if value is None:
            undefined[name] = reason
    return metrics, undefined


def judge_slices(
    rows: pd.DataFrame,
    actual: np.ndarray,
    prediction: Prediction,
    classes: np.ndarray | None,
    clusters: np.ndarray | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Compute every metric, with its interval, of the rows of each value of each column.

    Args:
        rows: the columns to slice by, shape (n, columns).
        clusters: of rows that hang together, shape (n,); see bootstrap.resample.
    """
    found = []
    for column in rows:
        for value, mask in slices(rows[column]):
            some, said = actual[mask], prediction.of(mask)
            (drawn,) = resample(some, [said], classes, None if clusters is None else clusters[mask], seed)
            metrics = {}
            for name in scoring.METRICS[scoring.task_of(classes)]:
                low, high = limits(drawn.get(name)) or (None, None)
                numbers = {"value": scoring.score(name, some, said, classes)[0], "low": low, "high": high}
                metrics[name] = {what: scoring.rounded(number) for what, number in numbers.items()}
            found.append({"column": column, "value": value, "rows": len(some), "metrics": metrics})
    return found
