"""Slices: every row in one of them, in an order that one reads."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.slices import MOST_VALUES, OTHER, slices


def sizes(values, dtype) -> list[tuple]:
    return [(value, int(rows.sum())) for value, rows in slices(pd.Series(values, dtype=dtype))]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["b", "a", None, "b"], "str", [("a", 1), ("b", 2), (None, 1)]),
        ([True, None, False, True], "boolean", [(False, 1), (True, 2), (None, 1)]),
        ([10, 9, 10, None], "Int64", [(9, 1), (10, 2), (None, 1)]),
        (range(40), "Int64", [("0 to 9", 10), ("10 to 19", 10), ("20 to 29", 10), ("30 to 39", 10)]),
        ([0.5, 0.5, None, 0.5], "float64", [(0.5, 3), (None, 1)]),
        ([0.0] * 90 + [*range(1, 34)], "float64", [("0.0 to 0.0", 90), ("1.0 to 2.0", 2), ("3.0 to 33.0", 31)]),
        ([None, None], "str", [(None, 2)]),
    ],
)  # fmt: skip
def test_values_are_in_order_and_missing_is_last(values, dtype, expected):
    assert sizes(values, dtype) == expected


def test_times_are_cut_into_quarters():
    found = sizes(pd.date_range("2013-01-01", periods=40, freq="D"), "datetime64[us]")
    assert [rows for _, rows in found] == [10, 10, 10, 10]
    assert found[0][0] == "2013-01-01T00:00:00 to 2013-01-10T00:00:00"


def test_rarest_texts_stand_together():
    found = sizes([f"v{n:02}" for n in range(MOST_VALUES + 3)] + ["v32"], "str")
    assert found[-1] == (OTHER, 3) and found[-2] == ("v32", 2) and len(found) == MOST_VALUES + 1


@given(st.lists(st.one_of(st.none(), st.floats(-1e3, 1e3)), min_size=1), st.sampled_from(["float64", "str"]))
def test_every_row_is_in_one_slice(values, dtype):
    column = pd.Series([None if value is None else str(value) for value in values], dtype="str").astype(dtype)
    masks = np.array([rows for _, rows in slices(column)])
    assert (masks.sum(axis=0) == 1).all()
