"""Calibration: learned from scores of rows that the model did not see, kept in the model's file."""

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression

from pipeline import modelling
from pipeline.calibration import calibrate, scores_to_calibrate
from pipeline.errors import ProjectError
from pipeline.modelfile import load_model, save_model
from pipeline.params import Train

RNG = np.random.default_rng(4)
MATRIX = pd.DataFrame({"x": RNG.normal(size=300), "c": np.where(np.arange(300) % 3, "a", "b")}, dtype=object).astype(
    {"x": float}
)
BINARY = MATRIX["x"].to_numpy() + RNG.normal(size=300) > 0.5
THREE = np.where(BINARY, "high", np.where(MATRIX["x"] < -0.5, "low", "middle"))


def fitted(model: str, target: np.ndarray, **options):
    train = Train(model=f"sklearn.{model}", options=options)
    return modelling.fit(modelling.build(train, MATRIX, 3), MATRIX, target)


def test_isotonic_map_is_that_of_the_given_scores():
    model = fitted("linear_model.LogisticRegression", BINARY)
    scores = RNG.normal(size=(300, 1)) + BINARY[:, None]
    calibrated, probabilities = calibrate(model, scores, BINARY, "isotonic")
    plain = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[:, 0], BINARY)
    assert probabilities[:, 1] == pytest.approx(plain.predict(scores[:, 0]))
    found = modelling.predict(calibrated, MATRIX, "").probabilities
    assert found[:, 1] == pytest.approx(plain.predict(model.decision_function(MATRIX)))


def test_probabilities_that_are_too_sure_become_as_frequent_as_what_comes():
    model = fitted("naive_bayes.GaussianNB", BINARY)
    scores = scores_to_calibrate(model, MATRIX)
    sure = np.where(scores > 0.5, 0.999, 0.001)
    _, probabilities = calibrate(model, sure, BINARY, "sigmoid")
    for said in np.unique(sure):
        rows = sure[:, 0] == said
        assert probabilities[rows, 1].mean() == pytest.approx(BINARY[rows].mean(), abs=0.02)


@pytest.mark.parametrize("target", [BINARY, THREE], ids=["two", "three"])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("linear_model.LogisticRegression", {}),
        ("ensemble.RandomForestClassifier", {"n_estimators": 5}),
        ("ensemble.HistGradientBoostingClassifier", {"max_iter": 5}),
        ("svm.LinearSVC", {}),
    ],
)
def test_calibrated_model_read_again_predicts_the_same(model, options, method, target, tmp_path):
    paths = tmp_path / "one.skops", tmp_path / "two.skops"
    for path in paths:
        plain = fitted(model, target, **options)
        calibrated, _ = calibrate(plain, scores_to_calibrate(plain, MATRIX), target, method)
        save_model(calibrated, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    before, after = (modelling.predict(each, MATRIX, "") for each in (calibrated, load_model(paths[0])))
    assert before.probabilities.shape == (300, len(np.unique(target)))
    assert before.probabilities.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(before.probabilities, after.probabilities) and np.array_equal(before.values, after.values)


def test_calibrated_model_takes_missing_values_if_the_model_does():
    model = fitted("ensemble.HistGradientBoostingClassifier", BINARY, max_iter=5)
    calibrated, _ = calibrate(model, scores_to_calibrate(model, MATRIX), BINARY, "sigmoid")
    assert len(modelling.predict(calibrated, MATRIX.assign(x=np.nan), "").values) == 300


def test_class_that_no_fold_is_judged_by_is_named():
    model = fitted("linear_model.LogisticRegression", THREE)
    with pytest.raises(ProjectError, match=r"train\.calibrate: no fold .* is judged by a row of the class low"):
        calibrate(model, scores_to_calibrate(model, MATRIX)[THREE != "low"], THREE[THREE != "low"], "sigmoid")
