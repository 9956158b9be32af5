"""Drift between two parts, against values worked out by hand and by scipy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from pipeline.drift import drift


def measured(one, other, dtype=None) -> tuple[str, float]:
    (entry,) = drift(*(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}) for values in (one, other)))
    return entry["measure"], entry["value"]


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [([1.0, 2.0], [1.0, 2.0], 0), ([1.0, 2.0], [3.0], 1), ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0], 0.5)],
)
def test_numbers_are_compared_by_the_distance_of_their_distributions(one, other, value):
    assert measured(one, other) == ("kolmogorov_smirnov", value)


def test_missing_numbers_count_as_larger_than_all():
    assert measured([1.0, np.nan], [1.0, 1.0]) == ("kolmogorov_smirnov", 0.5)
    assert measured([np.nan], [np.nan, np.nan]) == ("kolmogorov_smirnov", 0)


def test_texts_are_compared_by_their_shares_and_missing_is_one():
    assert measured(["a", "a", "b", np.nan], ["a", "c", np.nan, np.nan], object) == ("total_variation", 0.5)


@given(*[st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30)] * 2)
def test_numbers_are_compared_as_scipy_does(one, other):
    assert measured(one, other)[1] == pytest.approx(ks_2samp(one, other).statistic, abs=1e-6)


def test_largest_drift_stands_first():
    one = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": pd.Series(["x", "y"], dtype=object)})
    other = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": pd.Series(["x", "x"], dtype=object)})
    assert [entry["column"] for entry in drift(one, other)] == ["b", "c", "a"]
