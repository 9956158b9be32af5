"""Calibration: a map from what a model says to how often it comes true, learned inside the training part."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

from pipeline.errors import ProjectError
from pipeline.modelling import one_thread


class _AsGiven(ClassifierMixin, BaseEstimator):
    """A classifier whose scores are its inputs."""

    def fit(self, scores: np.ndarray, target: np.ndarray) -> "_AsGiven":
        self.classes_ = np.unique(target)
        return self

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Never called, but scikit-learn wants to find it."""
        raise NotImplementedError


def scores_to_calibrate(model: Pipeline, matrix: pd.DataFrame) -> np.ndarray:
    """What calibration maps: decision values where a model has them, else probabilities; shape (n, classes or 1).

    Raises:
        ProjectError: the model has neither.
    """
    with one_thread():
        if hasattr(model, "decision_function"):
            return model.decision_function(matrix).reshape(len(matrix), -1)
        if not hasattr(model, "predict_proba"):
            problem = f"{type(model[-1]).__name__} says neither scores nor probabilities"
            raise ProjectError("params.yaml: train.calibrate", problem, "Set it to none, or choose another model.")
        scores = model.predict_proba(matrix)
        return scores[:, 1:] if len(model.classes_) == 2 else scores


def calibrate(model: Pipeline, scores: np.ndarray, actual: np.ndarray, method: str) -> tuple[Pipeline, np.ndarray]:
    """Calibrate a fitted model by scores of rows that the model which gave them did not learn from.

    scikit-learn's CalibratedClassifierCV takes no folds that leave rows out, as those in the order of time do; so it
    learns the map from the scores, and the model is put in front of the map (Platt 1999; Zadrozny and Elkan 2002).

    Args:
        scores: out of fold, shape (n, classes or 1), of `scores_to_calibrate`.
        actual: the target of the same rows, shape (n,).
        method: `sigmoid` or `isotonic`.

    Returns:
        The same pipeline with its last step calibrated, and what it makes of the scores: shape (n, classes).

    Raises:
        ProjectError: a class that no row is of.
    """
    absent = np.setdiff1d(model.classes_, actual)
    if len(absent):
        problem = f"no fold of the cross-validation is judged by a row of the class {absent[0]}"
        raise ProjectError("params.yaml: train.calibrate", problem, "Set it to none, or take other folds.")
    estimator = model.steps[-1][1]
    rows = np.arange(len(actual))
    calibrated = CalibratedClassifierCV(_AsGiven(), method=method, cv=[(rows, rows)], ensemble=False)
    probabilities = calibrated.fit(scores, actual).predict_proba(scores)
    calibrated.set_params(estimator=estimator, cv=None)  # the rows need not stand in the model's file
    calibrated.calibrated_classifiers_[0].estimator = estimator
    return Pipeline([*model.steps[:-1], ("model", calibrated)]), probabilities
