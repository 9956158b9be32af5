"""How sure a metric is: 95 % intervals from a bootstrap over rows, or over clusters of rows that hang together."""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.modelling import Prediction
from pipeline.scoring import METRICS, task_of, why_undefined

RESAMPLES = 1000
# Rows drawn, each once a class: above 100,000 rows (of two classes) fewer resamples are taken, though never under 100.
MOST_DRAWS = 100_000_000
FEW_CLUSTERS = 20  # with fewer the bootstrap of clusters is no guide (Cameron and Miller 2015)
BLOCK = 100_000  # rows drawn at a time, so that they stay in the processor's cache and memory is bounded
# How often each row was drawn, shape (resamples, n) -> metrics by name, each of shape (resamples,), NaN if undefined.
Metrics = Callable[[np.ndarray], dict[str, np.ndarray]]
Limits = tuple[float, float] | None


def resample(
    actual: np.ndarray,
    predictions: Sequence[Prediction],
    classes: np.ndarray | None,
    clusters: np.ndarray | None,
    seed: int,
) -> list[dict[str, np.ndarray]]:
    """Compute each metric on rows drawn with replacement, as many as there are, again and again (Efron 1979).

    Rows that hang together are drawn together, as they are no independent witnesses (Field and Welsh 2007). All
    predictions and metrics look at the same draws, so the difference of two is that on the same rows.

    Args:
        actual: the target of n rows, shape (n,).
        classes: those of the training part, None for a regressor.
        clusters: what the rows of a cluster share, shape (n,). Without it, or with fewer than FEW_CLUSTERS, each row is
            drawn by itself.

    Returns:
        For each prediction metric -> values, shape (resamples,); not finite where a resample gives none, as ROC AUC
        where a class was not drawn. Metrics that the prediction has no value of are left out.
    """
    n, names = len(actual), METRICS[task_of(classes)]
    cluster, count = _number(clusters, n)
    orders = [_by_score(prediction) for prediction in predictions]
    measured = [
        _metrics(actual[order], prediction.of(order), classes)
        for prediction, order in zip(predictions, orders, strict=True)
    ]
    resamples = max(100, min(RESAMPLES, MOST_DRAWS // (n * _rankings(classes))))
    size = max(1, min(resamples, BLOCK // n))
    rng = np.random.default_rng(seed)
    blocks = []
    for start in range(0, resamples, size):
        block = min(size, resamples - start)
        drawn = rng.integers(count, size=(block, count)) + count * np.arange(block)[:, None]
        times = np.bincount(drawn.ravel(), minlength=block * count).reshape(block, count).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            blocks.append([metrics(times[:, cluster[order]]) for metrics, order in zip(measured, orders, strict=True)])
    return [
        {
            name: np.concatenate([block[number][name] for block in blocks])
            for name in names
            if not why_undefined(name, actual, prediction, classes)
        }
        for number, prediction in enumerate(predictions)
    ]


def limits(values: np.ndarray | None) -> Limits:
    """The 95 % interval of resampled values, by percentiles; None without any."""
    values = np.empty(0) if values is None else values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _number(clusters: np.ndarray | None, n: int) -> tuple[np.ndarray, int]:
    """The number of each row's cluster, shape (n,), and how many there are."""
    if clusters is not None:
        found, cluster = np.unique(clusters, return_inverse=True)
        if len(found) >= FEW_CLUSTERS:
            return cluster, len(found)
    return np.arange(n), n


def _by_score(prediction: Prediction) -> np.ndarray:
    """The order of the rows by falling score, where there is one: sorted once, not once a resample."""
    if prediction.scores is None:
        return np.arange(len(prediction.values))
    return np.argsort(-prediction.scores, kind="stable")


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
        squared, absolute, mean, square = (weights @ of_rows).T / weights.sum(axis=1)
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
        rows = weights.sum(axis=1)
        found = {"accuracy": right / rows, "f1": np.where(either > 0, 2 * hits / either, 0)}
        found |= {name: sums / rows for name, sums in zip(("log_loss", "brier"), more, strict=False)}
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
        means = (weights @ of_rows).T / weights.sum(axis=1)
        found = dict(zip(names, means, strict=False))
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
