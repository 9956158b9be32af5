"""Features: functions that params.yaml names under `transform.features`; add your own here.

A function takes a table and keyword options, and returns one value a row: whole numbers, numbers, text, booleans or
times. The type hints are checked: a `Column` names a column, and the table holds only the columns so named. Where an
input is missing the result is missing. What an expression says, such as `arr_delay >= 15`, needs no function.
"""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.params import Column

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def date_part(
    table: pd.DataFrame,
    *,
    column: Column,
    part: Literal["year", "quarter", "month", "week", "day", "weekday", "day_of_year", "hour", "minute", "second"],
) -> pd.Series:
    """One part of a time, as a whole number.

    Weeks are those of ISO 8601 (1 to 53, the first has the year's first Thursday); weekdays go from 1, Monday, to 7.
    """
    times = _times(table, column).dt
    if part in ("week", "weekday"):
        return times.isocalendar()["week" if part == "week" else "day"].astype("Int64")
    return getattr(times, part).astype("Int64")


def hour_of(table: pd.DataFrame, *, column: Column) -> pd.Series:
    """The hour, 0 to 23, of a time or of a clock number HHMM, such as 517 for 5:17.

    A clock number has minutes 0 to 59: 5 is 0:05. 2400, as airlines write midnight, is hour 0; what no clock shows
    (575, -1, 2401, 5.5) is missing. Text is refused.
    """
    if table[column].dtype.kind == "M":
        return date_part(table, column=column, part="hour")
    clock = _numbers(table, column)
    shown = (clock % 1 == 0) & (clock % 100 < 60) & clock.between(0, 2400)
    return (clock.where(shown) // 100 % 24).astype("Int64")


def log(table: pd.DataFrame, *, column: Column, offset: Number = 0.0) -> pd.Series:
    """The natural logarithm of a number plus an offset in its unit; of what is not above 0, missing."""
    shifted = _numbers(table, column) + offset
    return _finite(np.log(shifted.where(shifted > 0)))


def cyclic(table: pd.DataFrame, *, column: Column, period: Positive, part: Literal["sin", "cos"]) -> pd.Series:
    """Sine or cosine of a number that starts again after a period (hour: 24, weekday: 7), so that 23 h is near 0 h.

    One of them alone does not tell all hours apart: use both.
    """
    angle = _numbers(table, column) * (2 * np.pi / period)
    with np.errstate(invalid="ignore"):  # an infinite angle has neither, and is missing
        return np.sin(angle) if part == "sin" else np.cos(angle)


def bins(
    table: pd.DataFrame,
    *,
    column: Column,
    edges: Annotated[list[Number], Field(min_length=1)],
    labels: list[str] | None = None,
) -> pd.Series:
    """The bin that a number falls in, open at both ends: edges 0, 15 make up to 0, above 0 up to 15, above 15.

    Args:
        edges: rising, in the column's unit; each belongs to the bin below it.
        labels: one more than edges, different from one another; without them the bins are 0, 1, 2, ...
    """
    if sorted(set(edges)) != edges:
        raise ValueError(f"the edges have to rise, found {edges}")
    if labels is not None and not len(set(labels)) == len(labels) == len(edges) + 1:
        raise ValueError(f"{len(edges)} edges make {len(edges) + 1} bins, each with a label of its own, found {labels}")
    numbers = _numbers(table, column)
    numbered = pd.Series(np.searchsorted(edges, numbers, side="left"), index=table.index)
    named = numbered.astype("Int64") if labels is None else pd.Series(labels, dtype="str").take(numbered)
    return named.set_axis(table.index).mask(numbers.isna())


def ratio(table: pd.DataFrame, *, numerator: Column, denominator: Column) -> pd.Series:
    """One number divided by another, in the unit of the first per unit of the second; by 0, missing."""
    return _finite(_numbers(table, numerator) / _numbers(table, denominator))


def time_between(
    table: pd.DataFrame,
    *,
    start: Column,
    end: Column,
    unit: Literal["seconds", "minutes", "hours", "days"] = "seconds",
) -> pd.Series:
    """The time from a start to an end, below 0 where the end comes first; a day is 24 hours."""
    seconds = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
    return (_times(table, end) - _times(table, start)).dt.total_seconds() / seconds[unit]


def _numbers(table: pd.DataFrame, column: str) -> pd.Series:
    if table[column].dtype.kind not in "iuf":
        raise TypeError(f"`{column}` is of type {table[column].dtype}, expected numbers")
    return table[column].astype("float64")


def _times(table: pd.DataFrame, column: str) -> pd.Series:
    if table[column].dtype.kind != "M":
        raise TypeError(f"`{column}` is of type {table[column].dtype}, expected times")
    return table[column]


def _finite(numbers: pd.Series) -> pd.Series:
    return numbers.where(np.isfinite(numbers))
