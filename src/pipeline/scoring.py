"""How good predictions are: metrics, their uncertainty, and the gate."""

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

RESAMPLES = 1000
MOST_DRAWS = (
    100_000_000  # rows drawn by a bootstrap: above 100,000 rows it takes fewer resamples, though never under 100
)


def task_of(classes: np.ndarray | None) -> Task:
    """The task, from the classes that the training part held (None for a regressor)."""
    if classes is None:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


def rounded(value: float) -> float | None:
    """Six significant digits: what the last bits of another processor do not change; None for what is not finite."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


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


def interval(
    actual: np.ndarray, prediction: "Prediction", classes: np.ndarray | None, seed: int
) -> tuple[float, float] | None:
    """The 95 % interval of the main metric, by a percentile bootstrap over rows (Efron 1979); None where undefined."""
    task = task_of(classes)
    if why_undefined(MAIN_METRIC[task], actual, prediction, classes):
        return None
    rng = np.random.default_rng(seed)
    n = len(actual)
    resamples = max(100, min(RESAMPLES, MOST_DRAWS // n))
    if task == "binary":
        values = _resample(rng, n, resamples, _auc_of_resamples(actual == classes[1], prediction.scores))
    elif task == "multiclass":
        values = _f1_of_resamples(rng, actual, prediction.values, resamples)
    else:
        squares = (actual - prediction.values) ** 2
        values = _resample(rng, n, resamples, lambda rows: np.sqrt(squares[rows].mean(axis=1)))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def _resample(
    rng: np.random.Generator, n: int, resamples: int, metric: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """A metric of each resample, computed for as many at a time as a few million row numbers hold."""
    block = max(1, 2_000_000 // n)
    blocks = [min(block, resamples - start) for start in range(0, resamples, block)]
    return np.concatenate([metric(rng.integers(n, size=(size, n))) for size in blocks])


def _auc_of_resamples(positive: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """ROC AUC as the share of pairs in the right order (Mann-Whitney), from counts of rows by rank and class."""
    ranks, cells = np.unique(scores, return_inverse=True)
    cells = cells * 2 + positive
    width = 2 * len(ranks)

    def auc(rows: np.ndarray) -> np.ndarray:
        drawn = cells[rows] + width * np.arange(len(rows))[:, None]
        counts = np.bincount(drawn.ravel(), minlength=len(rows) * width).reshape(len(rows), -1, 2)
        negatives, positives = counts[:, :, 0], counts[:, :, 1]
        below = np.cumsum(negatives, axis=1) - negatives / 2
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        right = (positives * below).sum(axis=1)
        return np.divide(right, pairs, out=np.full(len(rows), np.nan), where=pairs > 0)

    return auc


def _f1_of_resamples(rng: np.random.Generator, actual: np.ndarray, predicted: np.ndarray, resamples: int) -> np.ndarray:
    """Mean F1 over the classes that a resample holds: drawing rows is drawing the cells of the confusion matrix."""
    labels, codes = np.unique(np.concatenate([actual, predicted]), return_inverse=True)
    k, n = len(labels), len(actual)
    confusion = np.bincount(codes[:n] * k + codes[n:], minlength=k * k)
    drawn = rng.multinomial(n, confusion / n, size=resamples).reshape(resamples, k, k)
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    either = drawn.sum(axis=1) + drawn.sum(axis=2)
    f1 = np.divide(2 * hits, either, out=np.full(hits.shape, np.nan), where=either > 0)
    return np.nanmean(f1, axis=1)


def check_gate(gate: Mapping[str, Bound], known: tuple[str, ...], where: str = "params.yaml: evaluate.gate") -> None:
    """Check that the gate names metrics of the task, and a bound for each.

    Raises:
        ProjectErrors: one error a wrong line.
    """
    errors = [
        ProjectError(f"{where}.{name}", "no such metric of this kind of model", nearest(name, known, "metrics"))
        if name not in known
        else ProjectError(f"{where}.{name}", "neither a minimum nor a maximum", "Write {min: …} or {max: …}.")
        for name, bound in gate.items()
        if name not in known or (bound.min is None and bound.max is None)
    ]
    if errors:
        raise ProjectErrors(errors)


def failed_lines(gate: Mapping[str, Bound], values: Mapping[str, float | None]) -> list[str]:
    """The lines of the gate that are not passed, in words; a metric without a value passes nothing."""
    lines = []
    for name, bound in gate.items():
        value = values[name]
        if value is None:
            lines.append(f"{name} has no value")
            continue
        if bound.min is not None and value < bound.min:
            lines.append(f"{name} is {value}, the minimum is {bound.min}")
        if bound.max is not None and value > bound.max:
            lines.append(f"{name} is {value}, the maximum is {bound.max}")
    return lines
