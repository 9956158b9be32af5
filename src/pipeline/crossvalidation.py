"""Cross-validation: every model fitted once a fold of the training part, and judged by rows that it did not see."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipeline import modelling, scoring
from pipeline.calibration import scores_to_calibrate
from pipeline.folds import Fold
from pipeline.parallel import run_all


@dataclass(frozen=True)
class Judged:
    """What one fit said of the fold's other rows.

    Args:
        rows: their numbers, shape (n,).
        value: of the main metric; None where a class is missing on one side.
        probability: of the second of two classes, shape (n,), or None.
        scores: what calibration would map, shape (n, classes or 1), or None where nobody asked.
    """

    rows: np.ndarray
    value: float | None
    probability: np.ndarray | None = None
    scores: np.ndarray | None = None


def cross_validate(
    builders: list[Callable[[], Pipeline]],
    matrix: pd.DataFrame,
    known: np.ndarray,
    classes: np.ndarray | None,
    folds: list[Fold],
    with_scores: bool = False,
) -> list[list[Judged]]:
    """Fit and judge every model once a fold.

    Args:
        builders: each makes an unfitted pipeline.
        known: the target, shape (n,).
        classes: those of the training part, None for a regressor.
        with_scores: keep what calibration would map.

    Returns:
        For each builder what was found in each fold.
    """
    name = scoring.MAIN_METRIC[scoring.task_of(classes)]

    def judge(task: tuple[Callable[[], Pipeline], Fold]) -> Judged:
        build, (learn, rest) = task
        seen = None if classes is None else np.unique(known[learn])
        if seen is not None and len(seen) < 2:
            return Judged(rest, None)
        model = modelling.fit(build(), matrix.iloc[learn], known[learn])
        prediction = modelling.predict(model, matrix.iloc[rest], "params.yaml: train")
        value, _ = scoring.score(name, known[rest], prediction, classes)
        if seen is None or len(seen) < len(classes):
            return Judged(rest, value)
        probability = prediction.scores if prediction.probabilities is not None and len(classes) == 2 else None
        return Judged(rest, value, probability, scores_to_calibrate(model, matrix.iloc[rest]) if with_scores else None)

    found = run_all(judge, [(build, fold) for build in builders for fold in folds], "train: cross-validation")
    return [found[start : start + len(folds)] for start in range(0, len(found), len(folds))]


def mean(judged: list[Judged]) -> float | None:
    """Mean of the main metric over the folds that have it."""
    values = [each.value for each in judged if each.value is not None]
    return float(np.mean(values)) if values else None


def summarise(judged: list[Judged], name: str) -> dict[str, Any]:
    """Mean and standard deviation of the main metric, and its value a fold: None where a fold lacks a class."""
    values = [each.value for each in judged if each.value is not None]
    return {
        f"cv_{name}": scoring.rounded(mean(judged)),
        f"cv_{name}_std": scoring.rounded(np.std(values, ddof=1)) if len(values) > 1 else None,
        "folds": [scoring.rounded(each.value) for each in judged],
    }


def out_of_fold(judged: list[Judged], what: str) -> tuple[np.ndarray, np.ndarray] | None:
    """The numbers of the rows that were judged, and their `probability` or `scores`; None where no fold has them."""
    kept = [each for each in judged if getattr(each, what) is not None]
    if not kept:
        return None
    return np.concatenate([each.rows for each in kept]), np.concatenate([getattr(each, what) for each in kept])
