"""Permutation importance: how much worse a model does on held-out rows when a column's values are shuffled."""

from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline

from pipeline import scoring
from pipeline.modelling import Prediction, one_thread, rank

REPEATS = 5
MOST_ROWS = 3000  # drawn by the seed; the spread over the repeats says whether they suffice


def importance(
    model: Pipeline, matrix: pd.DataFrame, actual: np.ndarray, classes: np.ndarray | None, seed: int
) -> list[dict[str, Any]]:
    """Measure how much of the main metric is lost without each column (Breiman 2001).

    Two columns that tell the same share their importance: shuffling one leaves the other.

    Args:
        matrix: held-out inputs, shape (n, columns).

    Returns:
        `column`, `mean` and `std` of the loss over the repeats, most important first; none where the metric is
        undefined.
    """
    task = scoring.task_of(classes)
    name = scoring.MAIN_METRIC[task]
    rows = np.sort(np.random.default_rng(seed).permutation(len(actual))[:MOST_ROWS])
    matrix, actual = matrix.iloc[rows].reset_index(drop=True), actual[rows]
    sign = -1 if name in scoring.LOWER_IS_BETTER else 1

    def say(matrix: pd.DataFrame) -> Prediction:
        """What the metric looks at, and no more: predicting is what takes the time."""
        if task == "binary":
            return Prediction(actual, scores=rank(model, matrix))
        with one_thread():
            return Prediction(np.ravel(model.predict(matrix)))

    def goodness(_, matrix: pd.DataFrame, actual: np.ndarray) -> float:
        return sign * scoring.score(name, actual, say(matrix), classes)[0]

    if scoring.why_undefined(name, actual, say(matrix), classes):
        return []
    with one_thread(), joblib.parallel_config(backend="threading", n_jobs=-1):
        found = permutation_importance(
            model, matrix, actual, scoring=goodness, n_repeats=REPEATS, random_state=seed, n_jobs=-1
        )
    entries = [
        {"column": column, "mean": scoring.rounded(mean), "std": scoring.rounded(std)}
        for column, mean, std in zip(matrix.columns, found.importances_mean, found.importances_std, strict=True)
    ]
    return sorted(entries, key=lambda entry: (-entry["mean"], entry["column"]))
