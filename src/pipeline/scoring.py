"""How good predictions are: the metrics of each kind of task, and the gate."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.params import Bound

if TYPE_CHECKING:  # scikit-learn takes seconds to import, and `check` needs only the names of the metrics
    from pipeline.modelling import Prediction

Task = Literal["binary", "multiclass", "regression"]

CLASSIFICATION = ("roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1")
METRICS: dict[Task, tuple[str, ...]] = {
    "binary": CLASSIFICATION,
    "multiclass": CLASSIFICATION,
    "regression": ("rmse", "mae", "r2"),
}
# The one that cross-validation, the baseline and the interval are about. F1 needs no probabilities of the model.
MAIN_METRIC: dict[Task, str] = {"binary": "roc_auc", "multiclass": "f1", "regression": "rmse"}

LOWER_IS_BETTER = {"log_loss", "brier", "rmse", "mae"}


def task_of(classes: np.ndarray | None) -> Task:
    """The task, from the classes that the training part held (None for a regressor)."""
    if classes is None:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


def rounded(value: float | None) -> float | None:
    """Six significant digits: what the last bits of another processor do not change; None for what is not finite."""
    return float(f"{value:.6g}") if value is not None and np.isfinite(value) else None


def gain(name: str, value: float, than: float) -> float:
    """By how much a value of a metric is better than another: positive where it is."""
    return than - value if name in LOWER_IS_BETTER else value - than


def class_names(classes: np.ndarray) -> list[str]:
    """Classes as text, spelled as in JSON: false and true in lower case."""
    return [str(name).lower() if classes.dtype == bool else str(name) for name in classes.tolist()]


def score(
    name: str, actual: np.ndarray, prediction: "Prediction", classes: np.ndarray | None = None
) -> tuple[float | None, str]:
    """Compute one metric.

    Of two classes, the second in the order of `classes` is the positive one. Of more, roc_auc and average_precision are
    means over the classes, each against the rest, and f1 is the mean over the classes.

    Args:
        actual: the target of n rows, shape (n,).
        classes: those of the training part, None for a regressor.

    Returns:
        The value, or None and the reason why there is none.
    """
    reason = why_undefined(name, actual, prediction, classes)
    return (None, reason) if reason else (float(_functions()[task_of(classes)][name](actual, prediction, classes)), "")


def why_undefined(name: str, actual: np.ndarray, prediction: "Prediction", classes: np.ndarray | None) -> str:
    """Say why a metric has no value for these rows and this model; empty where it has one."""
    if classes is None:
        return "needs two rows or more" if name == "r2" and len(actual) < 2 else ""
    if name in ("accuracy", "f1"):
        return ""
    unseen = np.setdiff1d(actual, classes)
    if len(unseen):
        return f"{unseen[0]} stands in the test part and not in the training part"
    ranks = name in ("roc_auc", "average_precision")
    if len(classes) == 2 and ranks and prediction.scores is None:
        return "the model gives no scores"
    if prediction.probabilities is None and not (len(classes) == 2 and ranks):
        return "the model gives no probabilities"
    if ranks and len(np.unique(actual)) < len(classes):
        absent = np.setdiff1d(classes, actual)
        return f"no row of the class {absent[0]}"
    return ""


def _functions() -> dict[Task, dict[str, Callable[[np.ndarray, "Prediction", Any], float]]]:
    from sklearn import metrics as m

    def one_hot(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
        return y[:, None] == classes[None, :]

    return {
        "binary": {
            "roc_auc": lambda y, p, classes: m.roc_auc_score(y == classes[1], p.scores),
            "average_precision": lambda y, p, classes: m.average_precision_score(y == classes[1], p.scores),
            "log_loss": lambda y, p, classes: m.log_loss(y, p.probabilities, labels=classes),
            "brier": lambda y, p, classes: np.mean((p.probabilities[:, 1] - (y == classes[1])) ** 2),
            "accuracy": lambda y, p, classes: np.mean(y == p.values),
            "f1": lambda y, p, classes: m.f1_score(y == classes[1], p.values == classes[1], zero_division=0),
        },
        "multiclass": {
            "roc_auc": lambda y, p, classes: m.roc_auc_score(one_hot(y, classes), p.probabilities),
            "average_precision": lambda y, p, classes: m.average_precision_score(one_hot(y, classes), p.probabilities),
            "log_loss": lambda y, p, classes: m.log_loss(y, p.probabilities, labels=classes),
            "brier": lambda y, p, classes: np.mean(np.sum((p.probabilities - one_hot(y, classes)) ** 2, axis=1)),
            "accuracy": lambda y, p, classes: np.mean(y == p.values),
            "f1": lambda y, p, classes: m.f1_score(y, p.values, average="macro", zero_division=0),
        },
        "regression": {
            "rmse": lambda y, p, _: np.sqrt(np.mean((y - p.values) ** 2)),
            "mae": lambda y, p, _: np.mean(np.abs(y - p.values)),
            "r2": lambda y, p, _: m.r2_score(y, p.values),
        },
    }


def check_gate(gate: Mapping[str, Bound], known: tuple[str, ...], where: str = "params.yaml: evaluate.gate") -> None:
    """Check that the gate names metrics of the task, and a bound for each.

    Raises:
        ProjectErrors: one error a wrong line.
    """
    remedy = "Write {min: …}, {max: …} or {beats_baseline_by: …}."
    errors = [
        ProjectError(f"{where}.{name}", "no such metric of this kind of model", nearest(name, known, "metrics"))
        if name not in known
        else ProjectError(f"{where}.{name}", "neither a minimum nor a maximum", remedy)
        for name, bound in gate.items()
        if name not in known or bound == Bound()
    ]
    if errors:
        raise ProjectErrors(errors)


def judge_gate(gate: Mapping[str, Bound], metrics: Mapping[str, Mapping[str, float | None]]) -> list[dict[str, Any]]:
    """Hold metrics against the gate, bound by bound; a metric without a value passes nothing.

    Args:
        metrics: name -> at least `value` and `baseline`.

    Returns:
        For each bound its `line` in words, the `value` that it looks at (of `beats_baseline_by` the gain over the
        baseline), and whether it is `passed`; metrics in the order of the alphabet, for DVC does not see that of keys.
    """
    lines = []
    for name, bound in sorted(gate.items()):
        value, baseline = metrics[name]["value"], metrics[name]["baseline"]
        ahead = None if value is None or baseline is None else rounded(gain(name, value, baseline))
        for line, limit, reached, sign in (
            (f"{name} is at least {bound.min}", bound.min, value, 1),
            (f"{name} is at most {bound.max}", bound.max, value, -1),
            (f"{name} beats the baseline by {bound.beats_baseline_by}", bound.beats_baseline_by, ahead, 1),
        ):
            if limit is not None:
                passed = reached is not None and sign * reached >= sign * limit
                lines.append({"line": line, "value": reached, "passed": passed})
    return lines
