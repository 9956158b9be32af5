"""How sure a metric is: the 95 % interval of every metric, from one bootstrap over the rows."""

from collections.abc import Callable

import numpy as np

from pipeline.modelling import Prediction
from pipeline.scoring import METRICS, task_of, why_undefined

RESAMPLES = 1000
# Rows drawn, each once a class: above 100,000 rows (of two classes) fewer resamples are taken, though never under 100.
MOST_DRAWS = 100_000_000
BLOCK = 100_000  # rows drawn at a time, so that they stay in the processor's cache and memory is bounded
# How often each row was drawn, shape (resamples, n) -> metrics by name, each of shape (resamples,), NaN if undefined.
Metrics = Callable[[np.ndarray], dict[str, np.ndarray]]


def intervals(
    actual: np.ndarray, prediction: Prediction, classes: np.ndarray | None, seed: int
) -> dict[str, tuple[float, float] | None]:
    """The 95 % interval of each metric, by a percentile bootstrap over rows (Efron 1979); None where undefined.

    All metrics look at the same resamples. One in which a metric has no value, such as ROC AUC where a class was not
    drawn, does not count for that metric.

    Args:
        actual: the target of n rows, shape (n,).
        classes: those of the training part, None for a regressor.
    """
    n, names = len(actual), METRICS[task_of(classes)]
    defined = [name for name in names if not why_undefined(name, actual, prediction, classes)]
    actual, prediction = _ranked(actual, prediction)
    metrics = _metrics(actual, prediction, classes)
    resamples = max(100, min(RESAMPLES, MOST_DRAWS // (n * _rankings(classes))))
    size = max(1, min(resamples, BLOCK // n))
    rng = np.random.default_rng(seed)
    blocks = []
    for start in range(0, resamples, size):
        block = min(size, resamples - start)
        drawn = rng.integers(n, size=(block, n)) + n * np.arange(block)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=block * n).reshape(block, n).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            blocks.append(metrics(weights))
    return {name: _limits([block[name] for block in blocks]) if name in defined else None for name in names}


def _ranked(actual: np.ndarray, prediction: Prediction) -> tuple[np.ndarray, Prediction]:
    """Rows by falling score, where there is one: sorted once, not once a resample."""
    if prediction.scores is None:
        return actual, prediction
    order = np.argsort(-prediction.scores, kind="stable")
    return actual[order], prediction.of(order)


def _limits(blocks: list[np.ndarray]) -> tuple[float, float] | None:
    values = np.concatenate(blocks)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _rankings(classes: np.ndarray | None) -> int:
    """How often the rows have to be ranked for ROC AUC, which is what takes the time."""
    return 1 if classes is None or len(classes) == 2 else len(classes)


def _metrics(actual: np.ndarray, prediction: Prediction, classes: np.ndarray | None) -> Metrics:
    if classes is None:
        return _of_numbers(actual, prediction.values)
    if len(classes) == 2:
        return _of_two_classes(actual, prediction, classes)
    return _of_classes(actual, prediction, classes)


def _of_numbers(actual: np.ndarray, predicted: np.ndarray) -> Metrics:
    errors, centred = actual - predicted, actual - actual.mean()
    of_rows = np.column_stack([errors**2, np.abs(errors), centred, centred**2])

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        squared, absolute, mean, square = (weights @ of_rows).T / len(actual)
        return {"rmse": np.sqrt(squared), "mae": absolute, "r2": 1 - squared / (square - mean**2)}

    return metrics


def _of_two_classes(actual: np.ndarray, prediction: Prediction, classes: np.ndarray) -> Metrics:
    positive, said = actual == classes[1], prediction.values == classes[1]
    of_rows = [actual == prediction.values, positive & said, positive.astype(float) + said]
    if prediction.probabilities is not None:
        came = np.where(positive, prediction.probabilities[:, 1], prediction.probabilities[:, 0])
        of_rows += [_surprise(came), (1 - came) ** 2]
    of_rows = np.column_stack(of_rows).astype(float)
    ranks = None if prediction.scores is None else _of_ranks(positive, prediction.scores)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        right, hits, either, *more = (weights @ of_rows).T
        found = {"accuracy": right / len(actual), "f1": np.where(either > 0, 2 * hits / either, 0)}
        found |= {name: sums / len(actual) for name, sums in zip(("log_loss", "brier"), more, strict=False)}
        return found | (ranks(weights) if ranks else {})

    return metrics


def _of_classes(actual: np.ndarray, prediction: Prediction, classes: np.ndarray) -> Metrics:
    labels = np.unique(np.concatenate([actual, prediction.values]))
    is_label, said = actual[:, None] == labels, prediction.values[:, None] == labels
    hits, either = (is_label & said).astype(float), is_label.astype(float) + said
    probabilities, ranks = prediction.probabilities, []
    of_rows = [actual == prediction.values]
    if probabilities is not None:
        came = actual[:, None] == classes
        of_rows += [_surprise((probabilities * came).sum(axis=1)), ((probabilities - came) ** 2).sum(axis=1)]
        for positive, probability in zip(came.T, probabilities.T, strict=True):
            order = np.argsort(-probability, kind="stable")
            ranks.append((order, _of_ranks(positive[order], probability[order])))
    of_rows = np.column_stack(of_rows).astype(float)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        names = ("accuracy", "log_loss", "brier")
        found = {name: sums / len(actual) for name, sums in zip(names, (weights @ of_rows).T, strict=False)}
        found["f1"] = _mean_defined(2 * (weights @ hits) / (weights @ either))
        ranked = [rank(weights[:, order]) for order, rank in ranks]
        for name in ranked[0] if ranked else []:
            found[name] = _mean_defined(np.column_stack([each[name] for each in ranked]))
        return found

    return metrics


def _surprise(came: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the probability of the class that came, clipped as scikit-learn does."""
    epsilon = np.finfo(came.dtype).eps
    return -np.log(np.clip(came, epsilon, 1 - epsilon))


def _mean_defined(values: np.ndarray) -> np.ndarray:
    """The mean over the classes that a resample holds, shape (resamples, classes) -> (resamples,)."""
    defined = ~np.isnan(values)
    return np.where(defined, values, 0).sum(axis=1) / defined.sum(axis=1)


def _of_ranks(positive: np.ndarray, scores: np.ndarray) -> Metrics:
    """ROC AUC, as the share of pairs in the right order (Mann-Whitney), and average precision; equal scores tie.

    Args:
        scores: shape (n,), falling.
    """
    first = np.flatnonzero(np.append(True, np.diff(scores) != 0))  # of the rows of each score
    hits = positive.astype(float)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        rows, found = weights, weights * hits
        if len(first) < len(hits):
            rows, found = np.add.reduceat(rows, first, axis=1), np.add.reduceat(found, first, axis=1)
        found_above, rows_above = np.cumsum(found, axis=1), np.cumsum(rows, axis=1)
        positives = found_above[:, -1]
        precision = found_above / np.maximum(rows_above, 1)
        right = np.einsum("ij,ij->i", rows - found, found_above - found / 2)
        return {
            "roc_auc": right / (positives * (rows_above[:, -1] - positives)),
            "average_precision": np.einsum("ij,ij->i", found, precision) / positives,
        }

    return metrics
