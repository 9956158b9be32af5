"""The features that come with the project: what each computes, its dtype, and what becomes of missing values."""

import math

import pandas as pd
import pytest

import features
from features import bins, cyclic, date_part, hour_of, log, ratio, time_between
from pipeline.derive import derive, functions_of
from pipeline.errors import ProjectErrors


def times(*texts: str | None) -> pd.DataFrame:
    return pd.DataFrame({"when": pd.Series(texts, dtype="datetime64[us]")})


def numbers(*values: float | None, dtype: str = "float64") -> pd.DataFrame:
    return pd.DataFrame({"n": pd.Series(values, dtype=dtype)})


def values_of(result: pd.Series, dtype: str) -> list:
    assert result.dtype == dtype
    return [None if pd.isna(value) else value for value in result.tolist()]


# --- date_part --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part, value",
    [
        ("year", 2013),
        ("quarter", 4),
        ("month", 12),
        ("week", 1),  # 30 December 2013 belongs to the first week of 2014
        ("day", 30),
        ("weekday", 1),
        ("day_of_year", 364),
        ("hour", 23),
        ("minute", 58),
        ("second", 59),
    ],
)
def test_each_part_of_a_time_is_a_whole_number(part, value):
    table = times("2013-12-30 23:58:59.9", None)
    assert values_of(date_part(table, column="when", part=part), "Int64") == [value, None]


def test_weekdays_go_from_monday_1_to_sunday_7():
    table = times("2013-01-07", "2013-01-13")
    assert values_of(date_part(table, column="when", part="weekday"), "Int64") == [1, 7]


# --- hour_of ----------------------------------------------------------------------------------------------------------


def test_the_hour_of_a_time():
    table = times("2013-01-01 05:17", None, "2013-01-01 23:59")
    assert values_of(hour_of(table, column="when"), "Int64") == [5, None, 23]


def test_the_hour_of_a_clock_number():
    table = numbers(517, 0, 5, 59, 100, 2359, None, dtype="Int64")
    assert values_of(hour_of(table, column="n"), "Int64") == [5, 0, 0, 0, 1, 23, None]


def test_2400_is_midnight():
    assert values_of(hour_of(numbers(2400, dtype="Int64"), column="n"), "Int64") == [0]


@pytest.mark.parametrize("value", [575, 60, 2360, 2401, 2500, -1, -100, 5.5, math.inf])
def test_a_number_that_no_clock_shows_has_no_hour(value):
    assert values_of(hour_of(numbers(value), column="n"), "Int64") == [None]


# --- log, cyclic, bins, ratio, time_between ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_log_is_natural_and_of_nothing_that_is_not_above_zero():
    assert values_of(log(numbers(1, math.e, 0, -1, None), column="n"), "float64") == [0.0, 1.0, None, None, None]


def test_log_adds_its_offset_first():
    assert values_of(log(numbers(0, -1), column="n", offset=1), "float64") == [0.0, None]


def test_log_of_a_whole_number_is_a_number():
    assert values_of(log(numbers(1, None, dtype="Int64"), column="n"), "float64") == [0.0, None]


def test_log_of_infinity_is_missing():
    assert values_of(log(numbers(math.inf), column="n"), "float64") == [None]


def test_cyclic_starts_again_after_a_period():
    table = numbers(0, 6, 12, 24, None)
    sines = values_of(cyclic(table, column="n", period=24, part="sin"), "float64")
    cosines = values_of(cyclic(table, column="n", period=24, part="cos"), "float64")
    assert sines[:4] == pytest.approx([0, 1, 0, 0], abs=1e-15)
    assert cosines[:4] == pytest.approx([1, 0, -1, 1], abs=1e-15)
    assert sines[4] is cosines[4] is None


@pytest.mark.filterwarnings("error")
def test_cyclic_of_infinity_is_missing():
    assert values_of(cyclic(numbers(math.inf), column="n", period=24, part="sin"), "float64") == [None]


def test_an_edge_belongs_to_the_bin_below_it():
    table = numbers(-5, 0, 0.1, 15, 15.1, None)
    assert values_of(bins(table, column="n", edges=[0, 15]), "Int64") == [0, 0, 1, 1, 2, None]


def test_bins_are_open_at_both_ends():
    assert values_of(bins(numbers(-math.inf, math.inf), column="n", edges=[0]), "Int64") == [0, 1]


def test_bins_can_have_labels():
    table = numbers(-5, 3, 99, None)
    labels = ["early", "on time", "late"]
    assert values_of(bins(table, column="n", edges=[0, 15], labels=labels), "str") == ["early", "on time", "late", None]


def test_edges_have_to_rise():
    with pytest.raises(ValueError, match=r"the edges have to rise, found \[15, 0\]"):
        bins(numbers(1), column="n", edges=[15, 0])


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"], ["a", "a"], ["a", "b", "a"]])
def test_each_bin_has_a_label_of_its_own(labels):
    with pytest.raises(ValueError, match="1 edges make 2 bins, each with a label of its own, found"):
        bins(numbers(1), column="n", edges=[0], labels=labels)


@pytest.mark.filterwarnings("error")
def test_ratio_divides_and_division_by_zero_is_missing():
    table = pd.DataFrame({"a": [6.0, 1.0, 0.0, None, 1.0], "b": pd.array([3, 0, 0, 1, None], dtype="Int64")})
    assert values_of(ratio(table, numerator="a", denominator="b"), "float64") == [2.0, None, None, None, None]


@pytest.mark.parametrize("unit, value", [("seconds", -129600), ("minutes", -2160), ("hours", -36), ("days", -1.5)])
def test_time_between_has_a_sign_and_a_unit(unit, value):
    table = pd.DataFrame(
        {
            "start": pd.Series(["2013-01-02 12:00", "2013-01-01", None], dtype="datetime64[us]"),
            "end": pd.Series(["2013-01-01", None, "2013-01-01"], dtype="datetime64[us]"),
        }
    )
    assert values_of(time_between(table, start="start", end="end", unit=unit), "float64") == [value, None, None]


# --- all of them ------------------------------------------------------------------------------------------------------

ENTRIES = {
    "date_part": {"column": "t", "part": "week"},
    "hour_of": {"column": "n"},
    "log": {"column": "n"},
    "cyclic": {"column": "n", "period": 24, "part": "cos"},
    "bins": {"column": "n", "edges": [0], "labels": ["low", "high"]},
    "ratio": {"numerator": "n", "denominator": "n"},
    "time_between": {"start": "t", "end": "t"},
}
TABLE = pd.DataFrame(
    {
        "n": pd.Series([517, None], dtype="Int64"),
        "t": pd.Series(["2013-01-01", None], dtype="datetime64[us]"),
        "s": pd.Series(["a", None], dtype="str"),
    }
).set_axis([3, 8])


def test_every_feature_of_the_module_is_tested_below():
    assert set(functions_of(features)) == set(ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_missing_stays_missing_and_only_that(name):
    derived = derive(TABLE, {"new": {"function": name, **ENTRIES[name]}}, functions_of(features))
    assert derived["new"].isna().tolist() == [False, True]
    assert derived.index.tolist() == [3, 8]


@pytest.mark.parametrize("name", ENTRIES)
def test_no_rows_give_no_values_of_the_same_dtype(name):
    entries = {"new": {"function": name, **ENTRIES[name]}}
    empty, whole = (derive(table, entries, functions_of(features))["new"] for table in (TABLE.head(0), TABLE))
    assert (len(empty), empty.dtype) == (0, whole.dtype)


@pytest.mark.parametrize("name", ENTRIES)
def test_text_is_refused(name):
    options = {option: "s" if value in ("n", "t") else value for option, value in ENTRIES[name].items()}
    with pytest.raises(
        ProjectErrors, match=f"`{name}` failed: TypeError: `s` is of type str, expected (numbers|times)"
    ):
        derive(TABLE.head(0), {"new": {"function": name, **options}}, functions_of(features))


@pytest.mark.parametrize(
    "name, option, value, problem",
    [
        ("date_part", "part", "weak", "found `weak`, no such choice"),
        ("cyclic", "period", 0, "found 0, expected greater than 0"),
        ("cyclic", "part", "tan", "found `tan`, no such choice"),
        ("bins", "edges", [], r"found \[\], expected"),
        ("bins", "edges", [math.nan], "found nan, expected a finite number"),
        ("log", "offset", "1", "found '1', expected a number"),
        ("time_between", "unit", "years", "found `years`, no such choice"),
    ],
)
def test_a_wrong_option_is_refused_without_looking_at_a_row(name, option, value, problem):
    with pytest.raises(ProjectErrors, match=problem):
        derive(TABLE, {"new": {"function": name, **ENTRIES[name], option: value}}, functions_of(features))
