"""What the columns of the published table hold: a small picture of each, and a few numbers."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.report.words import count, counted, number, percent, shortened

BINS = 24
MOST_VALUES = 6  # that get a bar of their own
LONGEST = 28  # characters of a value
PARTS = ("train", "test")


@dataclass(frozen=True)
class Bar:
    """A value and the shares of the rows that have it, in training and test part (None for a part without rows)."""

    value: str
    shares: tuple[float | None, float | None]


@dataclass(frozen=True)
class Distribution:
    """What a column holds.

    Attributes:
        missing: share of the rows, 0 to 1.
        summary: its values in a few words.
        bars: of a column with few values or of text: the most frequent values.
        bins: of numbers and times: the share of the rows in each bin, by part.
        ends: the first and the last bin's outer edges, in words.
    """

    rows: int
    missing: float
    summary: str
    bars: tuple[Bar, ...] = ()
    bins: tuple[tuple[float, ...], ...] = ()
    ends: tuple[str, str] = ("", "")


def distribution(values: pd.Series, part: pd.Series) -> Distribution:
    """Look at one column.

    Args:
        values: shape (n,), of one of the dtypes that tables have.
        part: `train` or `test`, shape (n,).
    """
    rows, known = len(values), values[values.notna()]
    missing = 1 - len(known) / rows if rows else 0.0
    if known.empty:
        return Distribution(rows, missing, "no values")
    part = part[values.notna()]
    frequent = known.value_counts(sort=True)
    if values.dtype.kind in "iufM" and not _is_boolean(values) and len(frequent) > MOST_VALUES:
        return _of_numbers(known, part, rows, missing)
    return _of_values(known, part, frequent, rows, missing)


def _is_boolean(values: pd.Series) -> bool:
    return str(values.dtype) == "boolean"


def _of_numbers(known: pd.Series, part: pd.Series, rows: int, missing: float) -> Distribution:
    is_time = known.dtype.kind == "M"
    numbers = known.to_numpy("datetime64[us]").astype("int64") if is_time else known.to_numpy("float64")

    def word(value: Any) -> str:
        return (
            str(np.datetime64(int(value), "us").astype("datetime64[m]")).replace("T", " ")
            if is_time
            else number(float(value))
        )

    lowest, middle, highest = (np.quantile(numbers, q, method="nearest") for q in (0, 0.5, 1))
    low, high = (np.quantile(numbers, q, method="nearest") for q in (0.005, 0.995))
    if low == high:
        low, high = lowest, highest
    edges = _edges(float(low), float(high), whole=known.dtype.kind in "iu")
    bins = []
    for side in PARTS:
        mine = np.clip(numbers[(part == side).to_numpy()], low, high)  # what lies beyond stands in the outer bins
        counts, _ = np.histogram(mine, edges)
        bins.append(tuple((counts / max(len(mine), 1)).tolist()))
    summary = f"{word(lowest)} to {word(highest)}, median {word(middle)}"
    return Distribution(rows, missing, summary, bins=tuple(bins), ends=(word(low), word(high)))


def _edges(low: float, high: float, whole: bool) -> np.ndarray:
    """The edges of bins; those of whole numbers hold equally many of them."""
    if not whole or max(abs(low), abs(high)) > 2**50:  # beyond, floats are not fine enough for halves
        return np.linspace(low, high, BINS + 1)
    each = math.ceil((high - low + 1) / BINS)
    return low - 0.5 + each * np.arange(math.ceil((high - low + 1) / each) + 1)


def _of_values(known: pd.Series, part: pd.Series, frequent: pd.Series, rows: int, missing: float) -> Distribution:
    distinct = len(frequent)
    if distinct == len(known) and distinct > MOST_VALUES:
        return Distribution(rows, missing, f"{count(distinct)} values, each once")
    ranked = sorted(frequent.items(), key=lambda item: (-item[1], str(item[0])))
    shown = [value for value, _ in ranked[:MOST_VALUES]]
    if known.dtype.kind in "iufM":
        shown.sort()
    sides = [known[part == side] for side in PARTS]
    bars = tuple(
        Bar(_word(value), tuple(float((side == value).mean()) if len(side) else None for side in sides))
        for value in shown
    )
    others = distinct - len(shown)
    summary = counted(distinct, "value") + (
        f"; the {count(others)} others in {percent(len(known) - sum(n for _, n in ranked[:MOST_VALUES]), len(known))}"
        if others
        else ""
    )
    return Distribution(rows, missing, summary, bars=bars)


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float):
        return number(value)
    return shortened(str(value), LONGEST) or "(empty text)"


def steps(shares: tuple[float, ...], top: float, width: float = 144, height: float = 40, closed: bool = True) -> str:
    """The SVG path of a histogram: steps from left to right, closed along the bottom or as a line."""
    if not top:
        return ""
    wide = width / len(shares)
    points = []
    for position, share in enumerate(shares):
        y = f"{height - share / top * height:.1f}"
        points.append(f"H{position * wide:.1f}V{y}H{(position + 1) * wide:.1f}")
    path = "".join(points)
    return f"M0 {height:g}{path}V{height:g}Z" if closed else f"M0 {height:g}{path}V{height:g}"
