"""Decisions between two classes: from which probability on a model says the second."""

from dataclasses import replace

import numpy as np
from sklearn.metrics import precision_recall_curve

from pipeline.modelling import Prediction
from pipeline.scoring import rounded


def choose_threshold(positive: np.ndarray, probability: np.ndarray) -> float:
    """The probability at or above which deciding for the second class gives the best F1.

    It lies halfway between two probabilities of the rows, so that rounding it moves no row to the other side.

    Args:
        positive: whether each row is of the second class, shape (n,); one at least is.
        probability: of the second class, from models that did not learn from the row, shape (n,).

    Returns:
        A number in [0, 1] with six significant digits; the highest where several are as good.
    """
    precision, recall, thresholds = precision_recall_curve(positive, probability)
    both = precision[:-1] + recall[:-1]
    f1 = np.divide(2 * precision[:-1] * recall[:-1], both, out=np.zeros(len(thresholds)), where=both > 0)
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    return rounded((thresholds[best] + (thresholds[best - 1] if best else 0)) / 2)


def decide(prediction: Prediction, classes: np.ndarray | None, threshold: float | None) -> Prediction:
    """Let a threshold decide between two classes; without one the prediction stays as the model gives it.

    Args:
        threshold: of the probability of the second class, None for more classes, numbers, or no probabilities.
    """
    if threshold is None or classes is None or len(classes) != 2 or prediction.probabilities is None:
        return prediction
    return replace(prediction, values=classes[(prediction.probabilities[:, 1] >= threshold).astype(int)])
