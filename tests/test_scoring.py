"""Metrics against values worked out by hand or by scikit-learn, the gate, the points of the plots."""

import numpy as np
import pytest

from pipeline import scoring
from pipeline.curves import MOST_POINTS, plots
from pipeline.errors import ProjectErrors
from pipeline.modelling import Prediction
from pipeline.params import Bound

BOTH = np.array([False, True])


def binary(*probabilities: float) -> Prediction:
    positive = np.array(probabilities)
    return Prediction(positive > 0.5, np.column_stack([1 - positive, positive]), positive)


ACTUAL = np.array([False, True, False, True])
PREDICTION = binary(0.1, 0.4, 0.6, 0.9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("roc_auc", 3 / 4),
        ("average_precision", 1 / 2 * 1 + 1 / 2 * 2 / 3),
        ("log_loss", -np.mean(np.log([0.9, 0.4, 0.4, 0.9]))),
        ("brier", np.mean(np.square([0.1, 0.6, 0.6, 0.1]))),
        ("accuracy", 1 / 2),
        ("f1", 1 / 2),
    ],
)
def test_metrics_of_two_classes(name, value):
    assert scoring.score(name, ACTUAL, PREDICTION, BOTH) == (pytest.approx(value, abs=1e-15), "")


def test_second_class_in_order_is_the_positive_one():
    words = np.where(ACTUAL, "yes", "no")
    prediction = Prediction(np.where(PREDICTION.values, "yes", "no"), PREDICTION.probabilities, PREDICTION.scores)
    for name in scoring.METRICS["binary"]:
        expected = scoring.score(name, ACTUAL, PREDICTION, BOTH)
        assert scoring.score(name, words, prediction, np.array(["no", "yes"])) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("roc_auc", (1 + 1 + 1 / 6) / 3),
        ("average_precision", (1 + 1 + 1 / 4) / 3),
        ("log_loss", -np.mean(np.log([0.8, 0.5, 0.1, 0.6]))),
        ("brier", (0.06 + 0.42 + 1.34 + 0.24) / 4),
        ("accuracy", 3 / 4),
        ("f1", (2 / 3 + 1 + 0) / 3),
    ],
)
def test_metrics_of_three_classes_are_means_over_them(name, value):
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.5, 0.4], [0.7, 0.2, 0.1], [0.2, 0.6, 0.2]])
    prediction = Prediction(np.array(["a", "b", "a", "b"]), probabilities)
    found = scoring.score(name, np.array(["a", "b", "c", "b"]), prediction, np.array(["a", "b", "c"]))
    assert found == (pytest.approx(value), "")


@pytest.mark.parametrize(("name", "value"), [("rmse", np.sqrt(5 / 3)), ("mae", 1.0), ("r2", 1 - 5 / 2)])
def test_metrics_of_regression(name, value):
    prediction = Prediction(np.array([1.0, 0.0, 4.0]))
    assert scoring.score(name, np.array([1.0, 2.0, 3.0]), prediction)[0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "actual", "prediction", "classes", "reason"),
    [
        ("roc_auc", ACTUAL[:1], binary(0.2), BOTH, "no row of the class True"),
        (
            "log_loss",
            ACTUAL,
            Prediction(PREDICTION.values, None, PREDICTION.scores),
            BOTH,
            "the model gives no probabil",
        ),
        ("roc_auc", ACTUAL, Prediction(PREDICTION.values), BOTH, "the model gives no scores"),
        ("brier", np.array(["a", "z"]), binary(0.1, 0.9), np.array(["a", "b"]), "z stands in the test part and not in"),
        ("roc_auc", np.array([1, 2]), Prediction(np.array([1, 2])), np.array([1, 2, 3]), "the model gives no probabil"),
        ("r2", np.array([1.0]), Prediction(np.array([1.0])), None, "needs two rows"),
    ],
)
def test_metric_without_a_value_says_why(name, actual, prediction, classes, reason):
    value, why = scoring.score(name, actual, prediction, classes)
    assert value is None and why.startswith(reason)


def test_one_class_leaves_the_other_metrics_defined():
    assert scoring.score("accuracy", ACTUAL[:1], binary(0.2), BOTH) == (1.0, "")
    assert scoring.score("log_loss", ACTUAL[:1], binary(0.2), BOTH)[0] == pytest.approx(-np.log(0.8))


def noisy(rows: int) -> tuple[np.ndarray, Prediction]:
    rng = np.random.default_rng(1)
    actual = rng.random(rows) < 0.3
    return actual, binary(*np.round(np.clip(0.3 * actual + 0.7 * rng.random(rows), 0, 1), 2))


def test_gate_names_wrong_metrics_and_lines_without_a_bound():
    with pytest.raises(ProjectErrors) as errors:
        scoring.check_gate({"roc": Bound(min=0.6), "f1": Bound(), "brier": Bound(max=0.2)}, scoring.METRICS["binary"])
    assert [str(error).splitlines() for error in errors.value.errors] == [
        [
            "params.yaml: evaluate.gate.roc: no such metric of this kind of model",
            "  Did you mean `roc_auc`?  (metrics: roc_auc, average_precision, log_loss, brier, accuracy, f1)",
        ],
        [
            "params.yaml: evaluate.gate.f1: neither a minimum nor a maximum",
            "  Write {min: …}, {max: …} or {beats_baseline_by: …}.",
        ],
    ]


def test_each_bound_of_the_gate_is_a_line_with_its_value():
    gate = {"roc_auc": Bound(min=0.6, max=0.9), "brier": Bound(max=0.2), "f1": Bound(min=0.0)}
    metrics = {
        "roc_auc": {"value": 0.6, "baseline": 0.5},
        "brier": {"value": 0.3, "baseline": 0.2},
        "f1": {"value": None, "baseline": 0.4},
    }
    assert scoring.judge_gate(gate, metrics) == [
        {"line": "brier is at most 0.2", "value": 0.3, "passed": False},
        {"line": "f1 is at least 0.0", "value": None, "passed": False},
        {"line": "roc_auc is at least 0.6", "value": 0.6, "passed": True},
        {"line": "roc_auc is at most 0.9", "value": 0.6, "passed": True},
    ]


@pytest.mark.parametrize(
    ("name", "value", "baseline", "gain", "passed"),
    [
        ("roc_auc", 0.52, 0.5, 0.02, True),
        ("roc_auc", 0.519, 0.5, 0.019, False),
        ("rmse", 3.0, 3.5, 0.5, True),
        ("rmse", 3.5, 3.0, -0.5, False),
        ("roc_auc", 0.9, None, None, False),
    ],
)
def test_beating_the_baseline_looks_in_the_direction_of_the_metric(name, value, baseline, gain, passed):
    lines = scoring.judge_gate({name: Bound(beats_baseline_by=0.02)}, {name: {"value": value, "baseline": baseline}})
    assert lines == [{"line": f"{name} beats the baseline by 0.02", "value": gain, "passed": passed}]


def test_plots_of_two_classes():
    points = {name: frame.to_numpy().tolist() for name, frame in plots(ACTUAL, PREDICTION, BOTH).items()}
    assert points == {
        "roc": [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]],
        "precision_recall": [[0, 1], [0.5, 1], [0.5, 0.5], [1, 0.666667], [1, 0.5]],
        "calibration": [[0.1, 0], [0.4, 1], [0.6, 0], [0.9, 1]],
        "confusion": [["false", "false", 1], ["false", "true", 1], ["true", "false", 1], ["true", "true", 1]],
        "residuals": [],
    }


def test_plots_of_numbers_and_of_three_classes_leave_the_others_empty():
    numbers = plots(np.array([1.0, 2.0]), Prediction(np.array([1.5, 2.0])), None)
    assert {name: len(frame) for name, frame in numbers.items() if len(frame)} == {"residuals": 2}
    assert numbers["residuals"].to_numpy().tolist() == [[1.5, 1.0, -0.5], [2.0, 2.0, 0.0]]
    classes = np.array(["a", "b", "c"])
    words = plots(classes, Prediction(np.array(["a", "c", "c"]), np.eye(3)), classes)
    assert {name: len(frame) for name, frame in words.items() if len(frame)} == {"confusion": 3}


def test_plots_of_one_class_have_no_curves():
    frames = plots(ACTUAL[:1], binary(0.2), BOTH)
    assert [name for name, frame in frames.items() if len(frame)] == ["calibration", "confusion"]


def test_long_curves_are_thinned_between_their_ends():
    actual, prediction = noisy(4000)
    scores = prediction.scores + np.arange(4000) * 1e-7
    frames = plots(actual, Prediction(prediction.values, prediction.probabilities, scores), BOTH)
    for name, first, last in (("roc", [0, 0], [1, 1]), ("precision_recall", [0, 1], [1, actual.mean()])):
        assert len(frames[name]) == MOST_POINTS
        assert frames[name].iloc[0].tolist() == first and frames[name].iloc[-1].tolist() == pytest.approx(
            last, abs=1e-6
        )


def test_confusion_counts_rows_and_leaves_out_what_never_came():
    actual = np.arange(8) % 4 == 0
    points = plots(actual, Prediction(~actual), BOTH)["confusion"].to_dict("records")
    assert points == [
        {"actual": "false", "predicted": "true", "rows": 6},
        {"actual": "true", "predicted": "false", "rows": 2},
    ]


def test_numbers_are_rounded_to_six_significant_digits():
    assert [scoring.rounded(x) for x in (0.12345678, 1234567.8, 1e-9 / 3, np.inf, np.nan)] == [
        0.123457,
        1234570.0,
        3.33333e-10,
        None,
        None,
    ]
