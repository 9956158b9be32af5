"""Permutation importance: what the model uses is important, what it does not use is not."""

import numpy as np
import pandas as pd
import pytest

from pipeline import importance, modelling
from pipeline.params import Train

RNG = np.random.default_rng(6)
MATRIX = pd.DataFrame({"noise": RNG.normal(size=400), "signal": RNG.normal(size=400), "constant": 1.0})
POSITIVE = MATRIX["signal"].to_numpy() > 0


def measure(model: str, target: np.ndarray, **options) -> list[dict]:
    train = Train(model=f"sklearn.{model}", options=options)
    fitted = modelling.fit(modelling.build(train, MATRIX, 3), MATRIX, target)
    return importance.importance(fitted, MATRIX, target, np.unique(target) if target.dtype.kind != "f" else None, 7)


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("tree.DecisionTreeClassifier", POSITIVE),
        ("svm.LinearSVC", POSITIVE),
        ("tree.DecisionTreeClassifier", np.where(POSITIVE, "up", np.where(MATRIX["signal"] < -1, "low", "down"))),
        ("linear_model.Ridge", MATRIX["signal"].to_numpy() * 3),
    ],
    ids=["two classes", "no probabilities", "three classes", "numbers"],
)
def test_column_that_decides_stands_first_and_a_constant_counts_for_nothing(model, target):
    found = {entry["column"]: entry for entry in measure(model, target)}
    assert next(iter(found)) == "signal" and found["signal"]["mean"] > 0.3
    assert (found["constant"]["mean"], found["constant"]["std"]) == (0, 0)
    assert abs(found["noise"]["mean"]) < 0.05


def test_rows_and_shuffles_follow_the_seed(monkeypatch):
    monkeypatch.setattr(importance, "MOST_ROWS", 50)
    assert measure("tree.DecisionTreeClassifier", POSITIVE) == measure("tree.DecisionTreeClassifier", POSITIVE)


def test_undefined_metric_has_no_importance():
    fitted = modelling.fit(modelling.build(Train(model="sklearn.naive_bayes.GaussianNB"), MATRIX, 3), MATRIX, POSITIVE)
    assert importance.importance(fitted, MATRIX[POSITIVE], POSITIVE[POSITIVE], np.array([False, True]), 7) == []
