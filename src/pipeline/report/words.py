"""Numbers and names as people say them."""

import math
from dataclasses import dataclass, replace
from typing import Any

from pipeline.scoring import LOWER_IS_BETTER

NOTHING = "\N{EN DASH}"
SPACE = "\N{NO-BREAK SPACE}"


def count(number: int) -> str:
    """51955 -> 51,955."""
    return f"{number:,}"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """1 row; 51,955 rows; no rows."""
    return f"{count(number) if number else 'no'} {noun if number == 1 else nouns or noun + 's'}"


def percent(part: float, whole: float = 1) -> str:
    """A share in per cent, never rounded to nothing or to all."""
    if not whole:
        return NOTHING
    share = 100 * part / whole
    if 0 < share < 0.1:
        return f"under 0.1{SPACE}%"
    if 99.9 < share < 100:
        return f"over 99.9{SPACE}%"
    return f"{share:.{0 if share in (0, 100) or 10 <= share < 99 else 1}f}{SPACE}%"


def number(value: Any, digits: int = 4) -> str:
    """A number with the digits that matter: 0.0312, 51,955; one of four digits can be a year, so it has no comma."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return _signed(f"{int(value):,}" if abs(value) >= 10_000 else str(int(value)))
    if 0 < abs(value) < 1e-4 or abs(value) >= 1e15:
        return _signed(f"{value:.{digits - 1}g}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(decimals, 6)}f}" if abs(value) >= 10_000 else f"{value:.{min(decimals, 6)}f}"
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text)


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


def score(value: float | None) -> str:
    """A metric's value, with as many decimals as its neighbours: 0.640."""
    if value is None:
        return NOTHING
    return _signed(f"{round(value, 3) + 0.0:.3f}") if abs(value) < 10 else number(value)


def some(items: list[str], most: int) -> str:
    """EWR, JFK, … 3 more."""
    left = len(items) - most
    return ", ".join(items if left <= 0 else [*items[:most], f"… {left} more"])


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


@dataclass(frozen=True)
class Metric:
    """How to speak of a metric.

    Attributes:
        meaning: one sentence for who does not know it.
        higher: whether more is better.
    """

    label: str
    meaning: str = ""
    higher: bool = True


METRICS = {
    "roc_auc": Metric(
        "ROC AUC",
        "How often the model gives the higher score to the right one of two rows of different classes; "
        "0.5 is a coin, 1 is never wrong.",
    ),
    "average_precision": Metric(
        "PR AUC",
        "Average precision: of the rows that it picks first, the share picked rightly, over all thresholds.",
    ),
    "log_loss": Metric("Log loss", "How far the probabilities are from what happened; 0 is perfect."),
    "brier": Metric("Brier score", "Mean squared error of the probabilities; 0 is perfect."),
    "accuracy": Metric(
        "Accuracy",
        "Share of the rows that the model decides rightly; where one class is rare, always saying the other does well.",
    ),
    "f1": Metric("F1", "Harmonic mean of precision and recall; over several classes, their mean."),
    "rmse": Metric("RMSE", "Root of the mean squared error, in the unit of the target: large errors count more."),
    "mae": Metric("MAE", "Mean absolute error, in the unit of the target."),
    "r2": Metric("R²", "Share of the target's variance that the model explains; 0 is the mean, 1 is perfect."),
}


def metric(name: str) -> Metric:
    """How to speak of a metric; by its name alone where nothing more is known."""
    return replace(METRICS.get(name, Metric(name)), higher=name not in LOWER_IS_BETTER)
