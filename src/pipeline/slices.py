"""Slices: groups of rows by the values of a column, so that a group for which a model is weak can be seen."""

from typing import Any

import numpy as np
import pandas as pd

MOST_VALUES = 30  # of a column with more, numbers and times are cut into quarters, and the rarest texts put together
OTHER = "(other values)"


def slices(column: pd.Series) -> list[tuple[Any, np.ndarray]]:
    """Divide rows by a column.

    Returns:
        Pairs of value and mask of shape (n,), in the order of the values; missing values are the last, with None. Of a
        column with more than MOST_VALUES numbers or times, a value is a range that holds about a quarter of the rows:
        `1.5 to 3`. Of one with more texts, the rarest stand together as OTHER.
    """
    known = column.dropna()
    values = np.sort(known.unique())
    if len(values) <= MOST_VALUES:
        groups = [(_plain(value), [value]) for value in values]
    elif isinstance(column.dtype, pd.StringDtype):
        counts = known.value_counts()
        frequent = sorted(values, key=lambda value: (-counts[value], value))[:MOST_VALUES]
        groups = [(value, [value]) for value in sorted(frequent)] + [(OTHER, list(set(values) - set(frequent)))]
    else:
        limits = known.quantile([0.25, 0.5, 0.75], interpolation="lower").unique()
        parts = np.split(values, np.searchsorted(values, limits, side="right"))
        groups = [(f"{_plain(part[0])} to {_plain(part[-1])}", part) for part in parts if len(part)]
    found = [(value, column.isin(part).to_numpy(bool)) for value, part in groups]
    missing = column.isna().to_numpy(bool)
    return found + ([(None, missing)] if missing.any() else [])


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, np.datetime64 | pd.Timestamp):
        return pd.Timestamp(value).isoformat()
    value = value.item() if isinstance(value, np.generic) else value
    return float(f"{value:.6g}") if isinstance(value, float) else value
