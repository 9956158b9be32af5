"""How good the model is, against what, where it is weak, and what it looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.report import charts
from pipeline.report.words import Metric, metric, number, score
from pipeline.scoring import MAIN_METRIC

MOST_CLASSES = 12  # of a confusion table
MOST_SLICES = 12  # of a column that are shown at once
MOST_COLUMNS = 15  # of importance and drift that are shown at once


@dataclass(frozen=True)
class Span:
    """An interval and marks on a line from 0 to 100, to draw."""

    value: float | None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    linear: float | None = None


@dataclass(frozen=True)
class MetricStory:
    name: str
    how: Metric
    value: str
    interval: str
    linear: str
    gain: str
    baseline: str
    span: Span
    undefined: str


def metric_stories(evaluation: Mapping[str, Any]) -> list[MetricStory]:
    """One a metric, in the order of metrics/evaluation.json."""
    undefined = evaluation.get("undefined") or {}
    stories = []
    for name, numbers in (evaluation.get("metrics") or {}).items():
        marks = {key: numbers.get(key) for key in ("value", "low", "high", "baseline", "linear")}
        stories.append(
            MetricStory(
                name,
                metric(name),
                score(marks["value"]),
                interval(marks["low"], marks["high"]),
                score(marks["linear"]),
                interval(numbers.get("gain_low"), numbers.get("gain_high")),
                score(marks["baseline"]),
                Span(**place(marks)),
                str(undefined.get(name, "")),
            )
        )
    return stories


def interval(low: float | None, high: float | None) -> str:
    """`0.628 to 0.650`; empty where there is none."""
    return "" if low is None or high is None else f"{score(low)} to {score(high)}"


def place(marks: Mapping[str, float | None], also: Sequence[float] = ()) -> dict[str, float | None]:
    """Put numbers on a line from 0 to 100, with room at both ends; None stays None."""
    known = [value for value in (*marks.values(), *also) if value is not None]
    if not known:
        return dict(marks)
    low, high = min(known), max(known)
    room = (high - low) * 0.08 or 1.0
    return {
        key: None if value is None else round(100 * (value - low + room) / (high - low + 2 * room), 1)
        for key, value in marks.items()
    }


def main_metric(evaluation: Mapping[str, Any]) -> str | None:
    """The metric that cross-validation goes by; None where nothing was evaluated."""
    return MAIN_METRIC.get(evaluation.get("task"))


@dataclass(frozen=True)
class Slice:
    """Some rows of the test part, and how good the model is there."""

    value: str
    rows: int
    score: str
    interval: str
    span: Span
    is_weak: bool


@dataclass(frozen=True)
class SliceColumn:
    column: str
    slices: list[Slice]
    overall: float | None  # on the line of the spans


def slice_columns(evaluation: Mapping[str, Any], name: str | None, personal: set[str]) -> list[SliceColumn]:
    """The slices by column, the worst first; weak is one whose whole interval is worse than the model over all."""
    overall = ((evaluation.get("metrics") or {}).get(name) or {}).get("value")
    by_column: dict[str, list[dict[str, Any]]] = {}
    for entry in evaluation.get("slices") or []:
        if entry["column"] not in personal:
            numbers = (entry.get("metrics") or {}).get(name) or {}
            by_column.setdefault(entry["column"], []).append({**entry, **_interval_of(numbers)})
    found = []
    for column, entries in by_column.items():
        known = [e[key] for e in entries for key in ("value_", "low", "high") if e[key] is not None]
        also = [*known, *([overall] if overall is not None else [])]
        worst = sorted(entries, key=lambda e: (e["value_"] is None, _badness(e["value_"], name), str(e["value"])))
        slices = [
            Slice(
                _word(e["value"]),
                e["rows"],
                score(e["value_"]),
                interval(e["low"], e["high"]),
                Span(**place({"value": e["value_"], "low": e["low"], "high": e["high"]}, also)),
                _is_worse(e["low"], e["high"], overall, name),
            )
            for e in worst
        ]
        found.append(SliceColumn(column, slices, place({"overall": overall}, also)["overall"]))
    return found


def _interval_of(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {"value_": numbers.get("value"), "low": numbers.get("low"), "high": numbers.get("high")}


def _badness(value: float | None, name: str | None) -> float:
    return 0.0 if value is None else value if metric(name or "").higher else -value


def _is_worse(low: float | None, high: float | None, overall: float | None, name: str | None) -> bool:
    if low is None or high is None or overall is None:
        return False
    return high < overall if metric(name or "").higher else low > overall


def _word(value: Any) -> str:
    if value is None:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else number(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Ranked:
    """A column with a number, and the length of its bar from 0 to 100."""

    column: str
    value: str
    spread: str
    length: float


def ranked(entries: Sequence[Mapping[str, Any]] | None, key: str, full: float | None = None) -> list[Ranked]:
    """Columns with a bar each; the longest is `full`, or the largest of them."""
    entries = [entry for entry in entries or [] if entry.get(key) is not None]
    most = full or max([entry[key] for entry in entries], default=0)
    return [
        Ranked(
            entry["column"],
            score(entry[key]),
            f"± {score(entry['std'])}" if entry.get("std") is not None else "",
            round(max(0.0, min(100 * entry[key] / most, 100.0)), 1) if most > 0 else 0.0,
        )
        for entry in entries
    ]


@dataclass(frozen=True)
class Confusion:
    """What the model says of each class.

    Attributes:
        rows: actual class, and of each predicted class the share of the actual one's rows, 0 to 100.
    """

    classes: list[str]
    rows: list[tuple[str, list[float]]]
    left_out: int


def confusion(points: pd.DataFrame | None) -> Confusion | None:
    """Read metrics/plots/confusion.json; of many classes the most frequent."""
    if points is None or points.empty or not {"actual", "predicted", "rows"} <= set(points.columns):
        return None
    frequent = points.groupby("actual")["rows"].sum()
    kept = sorted(sorted(frequent.index, key=lambda name: (-frequent[name], name))[:MOST_CLASSES])
    predicted = sorted({*kept, *(points["predicted"].unique() if len(frequent) <= MOST_CLASSES else [])})
    table = points.pivot(index="actual", columns="predicted", values="rows").fillna(0)
    shares = table.div(frequent, axis="index").reindex(index=kept, columns=predicted, fill_value=0.0)
    rows = [(name, [round(100 * share, 1) for share in shares.loc[name]]) for name in kept]
    return Confusion(predicted, rows, len(frequent) - len(kept))


def pictures(evaluation: Mapping[str, Any], points: Mapping[str, pd.DataFrame]) -> list[Markup]:
    """The charts that there are points for."""
    drawn = []
    auc = score(((evaluation.get("metrics") or {}).get("roc_auc") or {}).get("value"))
    if table := _columns(points.get("roc"), "false_positive_rate", "true_positive_rate"):
        drawn.append(charts.roc(table, auc))
    if table := _columns(points.get("precision_recall"), "recall", "precision"):
        positives = ((evaluation.get("metrics") or {}).get("average_precision") or {}).get("baseline")
        drawn.append(charts.precision_recall(table, positives))
    if table := _columns(points.get("calibration"), "predicted", "observed"):
        drawn.append(charts.calibration(table))
    if table := _columns(points.get("residuals"), "predicted", "actual", "residual"):
        drawn.append(charts.residuals(table, str(evaluation.get("target", "value"))))
        drawn.append(charts.errors(table))
    return drawn


def _columns(points: pd.DataFrame | None, *names: str) -> dict[str, list[float]]:
    """Columns as lists, without rows that lack a value; empty where the plot does not apply."""
    if points is None or not set(names) <= set(points.columns):
        return {}
    rows = points[list(names)].dropna()
    return {name: rows[name].tolist() for name in names} if len(rows) else {}
