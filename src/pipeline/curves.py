"""The points of the plots that DVC and the report draw, thinned to what the eye can tell apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from pipeline.modelling import Prediction
from pipeline.scoring import rounded, why_undefined

MOST_POINTS = 200  # of a curve
MOST_DOTS = 500  # of a cloud
BINS = 10


def plots(actual: np.ndarray, prediction: Prediction, classes: np.ndarray | None) -> dict[str, pd.DataFrame]:
    """Compute the points by name of the plot; one that does not apply has columns and no rows.

    Args:
        actual: the target of n rows, shape (n,).
        classes: those of the training part, None for a regressor.

    Returns:
        `roc`, `precision_recall` and `calibration` (in bins of equal counts) of two classes, `confusion` (how many rows
        of an actual class got a predicted one, where any did) and `residuals` of a regressor.
    """
    two_classes = classes is not None and len(classes) == 2
    ranked = two_classes and not why_undefined("roc_auc", actual, prediction, classes)
    positive = actual == classes[1] if two_classes else None
    return {
        "roc": _points(("false_positive_rate", "true_positive_rate"), _roc(positive, prediction) if ranked else []),
        "precision_recall": _points(("recall", "precision"), _precision_recall(positive, prediction) if ranked else []),
        "calibration": _points(
            ("predicted", "observed"),
            _calibration(positive, prediction) if two_classes and prediction.probabilities is not None else [],
        ),
        "confusion": pd.DataFrame(
            _confusion(actual, prediction.values) if classes is not None else [],
            columns=["actual", "predicted", "rows"],
        ),
        "residuals": _points(
            ("predicted", "actual", "residual"), _residuals(actual, prediction) if classes is None else []
        ),
    }


def _points(columns: Sequence[str], points: Any) -> pd.DataFrame:
    return pd.DataFrame(points, columns=list(columns), dtype="float64").map(rounded)


def _spread(n: int, most: int) -> np.ndarray:
    """At most so many of n row numbers, evenly spread, with the first and the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _roc(positive: np.ndarray, prediction: Prediction) -> np.ndarray:
    false_positive_rate, true_positive_rate, _ = roc_curve(positive, prediction.scores)
    rows = _spread(len(true_positive_rate), MOST_POINTS)
    return np.column_stack([false_positive_rate[rows], true_positive_rate[rows]])


def _precision_recall(positive: np.ndarray, prediction: Prediction) -> np.ndarray:
    precision, recall, _ = precision_recall_curve(positive, prediction.scores, drop_intermediate=True)
    rows = _spread(len(recall), MOST_POINTS)[::-1]
    return np.column_stack([recall[rows], precision[rows]])


def _calibration(positive: np.ndarray, prediction: Prediction) -> list[tuple[float, float]]:
    probability = prediction.probabilities[:, 1]
    bins = np.array_split(np.argsort(probability, kind="stable"), min(BINS, len(positive)))
    return [(probability[rows].mean(), positive[rows].mean()) for rows in bins]


def _confusion(actual: np.ndarray, predicted: np.ndarray) -> list[tuple[str, str, int]]:
    labels, codes = np.unique(np.concatenate([actual, predicted]), return_inverse=True)
    names = [str(label).lower() if labels.dtype == bool else str(label) for label in labels]
    n, k = len(actual), len(labels)
    counts = np.bincount(codes[:n] * k + codes[n:], minlength=k * k)
    return [(names[cell // k], names[cell % k], int(counts[cell])) for cell in np.flatnonzero(counts)]


def _residuals(actual: np.ndarray, prediction: Prediction) -> np.ndarray:
    rows = _spread(len(actual), MOST_DOTS)
    predicted = prediction.values[rows]
    return np.column_stack([predicted, actual[rows], actual[rows] - predicted])
