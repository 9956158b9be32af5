"""Drift: how far apart the columns of the training and of the test part are."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.scoring import rounded


def drift(train: pd.DataFrame, test: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare the columns of two parts, of any number of rows.

    Numbers by the Kolmogorov-Smirnov statistic, the largest difference of the two distribution functions, where a
    missing value counts as larger than every number; texts by the total variation distance, half the sum of the
    differences of the shares, where missing is a value. Both are 0 for equal and 1 for disjoint distributions.

    Args:
        train, test: the same columns, of `to_matrix`.

    Returns:
        `column`, `measure` and `value`, the largest first.
    """
    entries = []
    for name in train:
        if train[name].dtype == object:
            measure, value = "total_variation", _total_variation(train[name], test[name])
        else:
            measure, value = "kolmogorov_smirnov", _kolmogorov_smirnov(train[name], test[name])
        entries.append({"column": name, "measure": measure, "value": rounded(value)})
    return sorted(entries, key=lambda entry: (-entry["value"], entry["column"]))


def _total_variation(one: pd.Series, other: pd.Series) -> float:
    shares = [column.value_counts(normalize=True, dropna=False, sort=False) for column in (one, other)]
    return float(shares[0].subtract(shares[1], fill_value=0).abs().sum() / 2)


def _kolmogorov_smirnov(one: pd.Series, other: pd.Series) -> float:
    values = [np.sort(column.fillna(np.inf).to_numpy()) for column in (one, other)]
    points = np.unique(np.concatenate(values))
    shares = [np.searchsorted(column, points, side="right") / len(column) for column in values]
    return float(np.abs(shares[0] - shares[1]).max())
