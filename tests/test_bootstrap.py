"""The bootstrap: its metrics are scikit-learn's, its intervals hold the metric and follow the seed alone."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as m

from pipeline import bootstrap, scoring
from pipeline.modelling import Prediction

BOTH = np.array([False, True])
WORDS = np.array(["a", "b", "c"])


def two_classes(rows: int, digits: int = 2) -> tuple[np.ndarray, Prediction]:
    rng = np.random.default_rng(1)
    actual = rng.random(rows) < 0.3
    positive = np.round(np.clip(0.3 * actual + 0.7 * rng.random(rows), 0, 1), digits)
    return actual, Prediction(positive > 0.5, np.column_stack([1 - positive, positive]), positive)


def three_classes(rows: int) -> tuple[np.ndarray, Prediction]:
    rng = np.random.default_rng(2)
    actual = rng.choice(WORDS, rows, p=[0.5, 0.3, 0.2])
    probabilities = np.round(rng.dirichlet([1, 1, 1], rows) + 0.3 * (actual[:, None] == WORDS), 1) + 0.01
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return actual, Prediction(WORDS[probabilities.argmax(axis=1)], probabilities)


def numbers(rows: int) -> tuple[np.ndarray, Prediction]:
    rng = np.random.default_rng(3)
    actual = rng.normal(1000, 3, rows)
    return actual, Prediction(actual + rng.normal(0, 2, rows))


def ranked(actual: np.ndarray, prediction: Prediction) -> tuple[np.ndarray, Prediction]:
    order = bootstrap._by_score(prediction)
    return actual[order], prediction.of(order)


def intervals(
    actual: np.ndarray, prediction: Prediction, classes: np.ndarray | None, seed: int, clusters: Any = None
) -> dict[str, bootstrap.Limits]:
    (drawn,) = bootstrap.resample(actual, [prediction], classes, clusters, seed)
    return {name: bootstrap.limits(drawn.get(name)) for name in scoring.METRICS[scoring.task_of(classes)]}


TASKS = {"binary": (two_classes, BOTH), "multiclass": (three_classes, WORDS), "regression": (numbers, None)}


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_of_a_resample_is_that_of_the_rows_drawn(task):
    make, classes = TASKS[task]
    actual, prediction = ranked(*make(80))
    drawn = np.random.default_rng(5).integers(80, size=(20, 80))
    weights = np.array([np.bincount(rows, minlength=80) for rows in drawn], dtype=float)
    found = bootstrap._metrics(actual, prediction, classes)(weights)
    for name in scoring.METRICS[task]:
        expected = [scoring.score(name, actual[rows], prediction.of(rows), classes)[0] for rows in drawn]
        assert found[name] == pytest.approx(expected), name


def test_scores_that_all_differ_need_no_ties():
    actual, prediction = ranked(*two_classes(60, digits=12))
    weights = np.random.default_rng(5).multinomial(60, np.full(60, 1 / 60), size=3).astype(float)
    found = bootstrap._metrics(actual, prediction, BOTH)(weights)
    for row, auc, precision in zip(weights, found["roc_auc"], found["average_precision"], strict=True):
        assert auc == pytest.approx(m.roc_auc_score(actual, prediction.scores, sample_weight=row))
        assert precision == pytest.approx(m.average_precision_score(actual, prediction.scores, sample_weight=row))


def test_resample_of_one_class_counts_for_nothing():
    actual, prediction = np.array([False, True]), Prediction(BOTH, np.eye(2), np.array([0.0, 1.0]))
    assert intervals(actual, prediction, BOTH, 7)["roc_auc"] == (1.0, 1.0)


@pytest.mark.parametrize("task", TASKS)
def test_intervals_hold_their_metrics_and_are_the_same_for_the_same_seed(task):
    make, classes = TASKS[task]
    actual, prediction = make(300)
    found = intervals(actual, prediction, classes, 7)
    assert list(found) == list(scoring.METRICS[task])
    for name, (low, high) in found.items():
        assert low < scoring.score(name, actual, prediction, classes)[0] < high, name
    assert found == intervals(actual, prediction, classes, 7) != intervals(actual, prediction, classes, 8)


def test_interval_is_as_wide_as_theory_says():
    actual = np.zeros(400)
    low, high = intervals(actual, Prediction(np.tile([0.0, 2.0], 200)), None, 7)["mae"]
    assert high - low == pytest.approx(2 * 1.96 * 1 / np.sqrt(400), rel=0.1)


def test_blocks_of_any_size_draw_whole_resamples(monkeypatch):
    actual, prediction = numbers(30)
    for block in (1, 30 * 7, 10**6):
        monkeypatch.setattr(bootstrap, "BLOCK", block)
        low, high = intervals(actual, prediction, None, 7)["rmse"]
        assert low < scoring.score("rmse", actual, prediction)[0] < high


def test_rows_that_say_the_same_twice_make_no_interval_narrower():
    actual, prediction = numbers(200)
    once = intervals(actual, prediction, None, 7)
    repeated = actual.repeat(9), prediction.of(np.arange(200).repeat(9))
    for name, limits in intervals(*repeated, None, 7, np.arange(200).repeat(9)).items():
        assert limits == pytest.approx(once[name], rel=0.05)
    low, high = intervals(*repeated, None, 7)["mae"]
    assert high - low == pytest.approx((once["mae"][1] - once["mae"][0]) / 3, rel=0.1)


def test_clusters_of_unequal_size_are_drawn_whole():
    clusters = np.arange(40).repeat(np.arange(1, 41))
    errors = np.where(clusters % 2, 1.0, 3.0)
    (drawn,) = bootstrap.resample(np.zeros(len(errors)), [Prediction(errors)], None, clusters, 7)
    rng, sizes = np.random.default_rng(7), np.arange(1, 41)
    times = [np.bincount(rng.integers(40, size=40), minlength=40) for _ in range(20)]
    expected = [(each * sizes * np.where(np.arange(40) % 2, 1, 3)).sum() / (each * sizes).sum() for each in times]
    assert drawn["mae"][:20] == pytest.approx(expected)


def test_few_clusters_are_not_drawn():
    actual, prediction = numbers(100)
    few = np.arange(100) % (bootstrap.FEW_CLUSTERS - 1)
    assert intervals(actual, prediction, None, 7, few) == intervals(actual, prediction, None, 7)
    enough = np.arange(100) % bootstrap.FEW_CLUSTERS
    assert intervals(actual, prediction, None, 7, enough) != intervals(actual, prediction, None, 7)


def test_predictions_are_compared_on_the_same_draws():
    actual, prediction = numbers(100)
    better = Prediction(prediction.values + (actual - prediction.values) * 0.1)
    worse, same, best = bootstrap.resample(actual, [prediction, prediction, better], None, None, 7)
    assert (worse["rmse"] == same["rmse"]).all()
    assert best["rmse"] == pytest.approx(0.9 * worse["rmse"])


def test_metrics_without_a_value_have_no_interval():
    actual, prediction = two_classes(50)
    found = intervals(actual[actual], Prediction(prediction.values[actual]), BOTH, 7)
    assert [name for name, limits in found.items() if limits] == ["accuracy", "f1"]
