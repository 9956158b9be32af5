"""The cleaning rules: what each does, on small tables, and the laws that hold for all of them."""

import datetime
import itertools
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules as rule_functions
from pipeline.cleaning import Rule, before_phase, clean_part, measure_phases, parse_rules, rules_before
from pipeline.errors import ProjectError
from small import frame

RULES = {name: function for name, function in vars(rule_functions).items() if hasattr(function, "phase")}


def clean(table: pd.DataFrame, entries: dict[str, dict], cuts: tuple[int, ...] = ()):
    """Clean a table, as a whole or in parts, as the stage does; return kept, rejected, hits and what was measured."""
    rules = parse_rules(entries, RULES, "params.yaml: clean.t")
    return clean_by(table, rules, cuts)


def clean_by(table: pd.DataFrame, rules: list[Rule], cuts: tuple[int, ...] = ()):
    edges = [0, *sorted(cut for cut in cuts if cut < len(table)), len(table)]
    parts = [table.iloc[start:end] for start, end in itertools.pairwise(edges)]

    def columns_before(phase, columns, measured):
        acting = rules_before(phase, columns, rules)
        read = list(dict.fromkeys([*columns, *(column for rule in acting for column in rule.columns())]))
        return pd.concat([before_phase(part[read], phase, acting, measured)[columns] for part in parts])

    measured = measure_phases(rules, columns_before)
    results = [clean_part(part, rules, measured) for part in parts]
    hits = {name: sum(result.hits[name] for result in results) for name in results[0].hits}
    return pd.concat([r.kept for r in results]), pd.concat([r.rejected for r in results]), hits, measured


def column(type_: str, *values) -> pd.DataFrame:
    return frame({"x": type_}, *((value,) for value in values))


def changed(rule: str, table: pd.DataFrame, **options) -> list:
    """The column x after a rule that changes it."""
    kept, _, _, _ = clean(table, {"r": {"rule": rule, "column": "x", **options}})
    return [None if pd.isna(cell) else cell for cell in kept["x"]]


def kept(rule: str, table: pd.DataFrame, **options) -> list:
    """The row numbers that a rule leaves."""
    rows, _, _, _ = clean(table, {"r": {"rule": rule, **options}})
    return rows.index.tolist()


def measured(rule: str, table: pd.DataFrame, **options):
    _, _, _, found = clean(table, {"r": {"rule": rule, "column": "x", **options}})
    return found["r", "x"]


# --- repair -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "number"),
    [
        ("12", {}, 12.0),
        (" -1.50 ", {}, -1.5),
        ("+.5", {}, 0.5),
        ("1e-3", {}, 0.001),
        ("5.", {}, 5.0),
        ("1,234", {}, None),
        ("1,234", {"thousands": ","}, 1234.0),
        ("1,234,567.8", {"thousands": ","}, 1234567.8),
        ("12,34,567", {"thousands": ","}, 1234567.0),
        ("1,23", {"thousands": ","}, None),
        ("1.234,5", {"thousands": ".", "decimal": ","}, 1234.5),
        ("1.5", {"thousands": ".", "decimal": ","}, None),
        ("1.5", {"decimal": ","}, None),
        ("1 234", {}, None),
        ("1 234", {"thousands": " "}, 1234.0),
        ("1\u202f234", {"thousands": " "}, 1234.0),
        ("1'234", {"thousands": "'"}, 1234.0),
        ("5 kg", {}, None),
        ("5 kg", {"units": {"g": 1, "kg": 1000}}, 5000.0),
        ("5kg", {"units": {"g": 1, "kg": 1000}}, 5000.0),
        ("5", {"units": {"g": 1, "kg": 1000}}, 5.0),
        ("5 lb", {"units": {"g": 1, "kg": 1000}}, None),
        ("5 m/s", {"units": {"m/s": 3.6}}, 18.0),
        ("12 %", {"units": {"%": 0.01}}, 0.12),
        ("$1,234.50", {"units": {"$": 1}, "thousands": ","}, 1234.5),
        ("€ -5", {"units": {"€": 1.25}}, -6.25),
        ("$5 kg", {"units": {"$": 1, "kg": 1000}}, None),
        ("1e3", {"units": {"e3": 7}}, 1000.0),
        ("1e999", {}, None),
        ("", {}, None),
        ("-", {}, None),
        ("kg", {"units": {"kg": 1}}, None),
        ("1-2", {}, None),
        ("1 2", {}, None),
        ("\u0661", {}, None),
        (None, {}, None),
    ],
)
def test_parse_number(text, options, number):
    assert changed("parse_number", column("string", text), **options) == [number]


def test_parse_number_counts_what_it_could_not_read():
    _, _, hits, _ = clean(column("string", "1", "x", None, "5 kg"), {"r": {"rule": "parse_number", "column": "x"}})
    assert hits == {"r": 2}


def test_parse_number_takes_no_time_over_long_nonsense():
    assert (
        changed(
            "parse_number", column("string", " " * 50_000 + "x", "1" * 50_000 + "x", "1,234" * 10_000), thousands=","
        )
        == [None] * 3
    )


def test_parse_time_takes_the_first_format_that_fits():
    table = column("string", "31.01.2013", "01/02/2013", " 2013-01-31 12:30 ", "2013", None)
    assert changed("parse_time", table, formats=["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M"]) == [
        pd.Timestamp("2013-01-31"),
        pd.Timestamp("2013-02-01"),
        pd.Timestamp("2013-01-31 12:30"),
        None,
        None,
    ]


def test_parse_time_turns_zones_into_utc():
    table = column("string", "2013-01-31 12:00 +0100", "2013-01-31 12:00 -0500")
    assert changed("parse_time", table, formats=["%Y-%m-%d %H:%M %z"]) == [
        pd.Timestamp("2013-01-31 11:00"),
        pd.Timestamp("2013-01-31 17:00"),
    ]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("as_is", ["Ab Cd", "STRASSE", "straße", None, None]),
        ("lower", ["ab cd", "strasse", "straße", None, None]),
        ("upper", ["AB CD", "STRASSE", "STRAẞE", None, None]),
        ("fold", ["ab cd", "strasse", "strasse", None, None]),
    ],
)
def test_normalise_text(case, expected):
    table = column("string", "  Ab\u00a0 \t\nCd ", "STRASSE", "straße", " \u2003", None)
    assert changed("normalise_text", table, case=case) == expected


@pytest.mark.parametrize(
    ("type_", "values", "mapping", "expected"),
    [
        ("string", ["N/K", "a", None], {"N/K": None}, [None, "a", None]),
        ("string", ["a", "b", "c"], {"a": "b", "b": "a"}, ["b", "a", "c"]),
        ("integer", [-999, 1, None], {-999: None, 1: 2}, [None, 2, None]),
        ("integer", [2**53 + 1], {2**53 + 1: 2**53 + 3}, [2**53 + 3]),
        ("integer", [1], {1.0: 3.0}, [3]),
        ("number", [-999.0, 0.5], {-999: None, 0.5: 1}, [None, 1.0]),
        ("boolean", [True, False, None], {True: None}, [None, False, None]),
        ("datetime", ["1900-01-01", "2013-01-31"], {"1900-01-01": None, datetime.date(2013, 1, 31): "2013-02-01T12:00:00"}, [None, pd.Timestamp("2013-02-01 12:00")]),
    ],
)  # fmt: skip
def test_replace(type_, values, mapping, expected):
    table = column(type_, *values)
    result = changed("replace", table, values=mapping)
    assert result == expected


def test_replace_keeps_the_dtype():
    rows, _, hits, _ = clean(
        column("integer", 1, 2), {"r": {"rule": "replace", "column": "x", "values": {1: None, 2: 2}}}
    )
    assert (str(rows["x"].dtype), hits) == ("Int64", {"r": 1})


# --- reject -----------------------------------------------------------------------------------------------------------


def test_drop_missing():
    assert kept("drop_missing", column("string", "a", None, ""), column="x") == [0, 2]


@pytest.mark.parametrize(
    ("type_", "values", "options", "expected"),
    [
        ("integer", [1, 2, 3, None], {"min": 2}, [1, 2, 3]),
        ("integer", [1, 2, 3, None], {"min": 1.5, "max": 2}, [1, 3]),
        ("number", [0.1, 0.2, None], {"max": 0.1}, [0, 2]),
        ("number", [math.inf, -math.inf, 1.0], {"min": -1e308, "max": 1e308}, [2]),
        ("datetime", ["2012-12-31", "2013-01-01", None], {"min": "2013-01-01"}, [1, 2]),
        ("datetime", ["2013-01-31 00:00", "2013-01-31 00:01"], {"max": datetime.date(2013, 1, 31)}, [0]),
        ("datetime", ["2013-01-31 10:59", "2013-01-31 11:00"], {"min": "2013-01-31T12:00:00+01:00"}, [1]),
    ],
)
def test_drop_outside(type_, values, options, expected):
    assert kept("drop_outside", column(type_, *values), column="x", **options) == expected


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({"method": "quantile", "lower": 0.25}, {"min": 1.0, "max": None}),
        ({"method": "quantile", "lower": 0, "upper": 1}, {"min": 0.0, "max": 100.0}),
        ({"method": "iqr"}, {"min": -2.0, "max": 6.0}),
        ({"method": "iqr", "factor": 3}, {"min": -5.0, "max": 9.0}),
        ({"method": "zscore", "factor": 1}, {"min": 21.2 - 44.064725, "max": 21.2 + 44.064725}),
    ],
)
@pytest.mark.parametrize("type_", ["integer", "number"])
def test_bounds_of_outliers(type_, options, bounds):
    found = measured("drop_outliers", column(type_, 0, 1, 2, 3, 100, None), **options)
    assert found == {side: bound if bound is None else pytest.approx(bound) for side, bound in bounds.items()}


def test_drop_outliers_and_blank_outliers_agree():
    table = column("integer", 0, 1, 2, 3, 100, None)
    assert kept("drop_outliers", table, column="x", method="iqr") == [0, 1, 2, 3, 5]
    assert changed("blank_outliers", table, method="iqr") == [0, 1, 2, 3, None, None]


@pytest.mark.parametrize(
    "options", [{"method": "iqr"}, {"method": "zscore"}, {"method": "quantile", "lower": 0.1, "upper": 0.9}]
)
@pytest.mark.parametrize("values", [[0.1] * 7, [7.0], [], [None, None], [1e308, -1e308]])
def test_a_constant_or_empty_column_has_no_outliers(options, values):
    assert kept("drop_outliers", column("number", *values), column="x", **options) == list(range(len(values)))


def test_statistics_beyond_all_numbers_are_no_bounds():
    assert measured("drop_outliers", column("number", math.inf, 1.0, 2.0), method="zscore") == {
        "min": None,
        "max": None,
    }


PAIRS = {"x": "integer", "y": "string"}


@pytest.mark.parametrize(("keep", "expected"), [("first", [0, 1, 4]), ("last", [2, 3, 4]), ("none", [4])])
def test_drop_duplicates(keep, expected):
    table = frame(PAIRS, (1, "a"), (None, None), (1, "a"), (None, None), (1, None))
    assert kept("drop_duplicates", table, columns=["x", "y"], keep=keep) == expected


def test_drop_duplicates_of_one_column():
    assert kept("drop_duplicates", frame(PAIRS, (1, "a"), (1, "b"), (2, "a")), columns="x") == [0, 2]


def test_keep_where_takes_out_what_is_false_or_cannot_be_told():
    table = frame(PAIRS, (1, "a"), (2, "a"), (None, "a"), (1, None))
    assert kept("keep_where", table, where="x == 1 and y == 'a'") == [0]
    assert kept("keep_where", table, where="x == 1 or y == 'a'") == [0, 1, 2, 3]


def test_keep_sample_is_a_share_and_hangs_on_the_row_number_and_the_seed_only():
    table = column("integer", *range(10_000))
    sample = kept("keep_sample", table, share=0.3)
    assert 2900 < len(sample) < 3100
    assert kept("keep_sample", table.head(5000), share=0.3) == [row for row in sample if row < 5000]
    assert set(kept("keep_sample", table, share=0.1)) < set(sample)
    other = kept("keep_sample", table, share=0.3, seed=1)
    assert 800 < len(set(sample) & set(other)) < 1000
    assert len({row - 1 for row in sample} & set(other)) < 1000
    assert len(kept("keep_sample", table, share=0.3, seed=-1)) > 2900
    assert kept("keep_sample", table, share=1) == list(range(10_000))


# --- blank or clip ----------------------------------------------------------------------------------------------------


def test_blank_outside():
    assert changed("blank_outside", column("integer", 1, 2, 3, None), max=2) == [1, 2, None, None]
    assert changed("blank_outside", column("number", -1.0, 0.0), min=0) == [None, 0.0]


@pytest.mark.parametrize(
    ("type_", "values", "options", "expected"),
    [
        ("integer", [1, 5, None], {"min": 2, "max": 4}, [2, 4, None]),
        ("integer", [1, 5], {"min": 2.0}, [2, 5]),
        ("number", [1.0, 5.0, None], {"max": 1.5}, [1.0, 1.5, None]),
        ("datetime", ["2012-01-01", None], {"min": datetime.date(2013, 1, 1)}, [pd.Timestamp("2013-01-01"), None]),
    ],
)
def test_clip(type_, values, options, expected):
    assert changed("clip", column(type_, *values), **options) == expected


# --- fill -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("string", "none", "none"),
        ("integer", 0, 0),
        ("number", 0, 0.0),
        ("boolean", False, False),
        ("datetime", datetime.date(2013, 1, 1), pd.Timestamp("2013-01-01")),
    ],
)
def test_fill_constant(type_, value, expected):
    assert changed("fill_constant", column(type_, None), value=value) == [expected]


@pytest.mark.parametrize(
    ("type_", "values", "median"),
    [
        ("number", [1.0, 2.0, None], 1.5),
        ("integer", [1, 2, None], 2),
        ("integer", [2, 3, None], 2),
        ("integer", [2**53 + 1, None], 2**53),
        ("number", [None, None], None),
        ("integer", [], None),
    ],
)
def test_fill_median_of_whole_numbers_is_a_whole_number(type_, values, median):
    table = column(type_, *values)
    assert measured("fill_median", table) == median
    assert changed("fill_median", table) == [median if value is None else value for value in values]


GROUPED = {"x": "number", "a": "string", "b": "datetime"}


def test_fill_by_group_leaves_rows_of_no_group_or_of_an_empty_one():
    table = frame(
        GROUPED,
        (1.0, "u", None),
        (3.0, "u", None),
        (None, "u", None),
        (None, "v", None),
        (9.0, None, None),
        (None, None, None),
    )
    assert measured("fill_median", table, by="a") == {"u": 2.0}
    assert changed("fill_median", table, by="a") == [1.0, 3.0, 2.0, None, 9.0, None]


def test_groups_by_several_columns_are_told_apart():
    table = frame(
        {"x": "number", "a": "string", "b": "string"},
        (1.0, "p, q", "r"),
        (2.0, "p", "q, r"),
        (3.0, "p\\", "r"),
        (None, "p", "q, r"),
    )
    assert measured("fill_median", table, by=["a", "b"]) == {"p\\, q, r": 1.0, "p, q\\, r": 2.0, "p\\\\, r": 3.0}
    assert changed("fill_median", table, by=["a", "b"]) == [1.0, 2.0, 3.0, 2.0]


def test_groups_by_times_are_the_same_in_every_part():
    table = frame(GROUPED, (1.0, "u", "2013-01-01"), (5.0, "u", "2013-01-01 12:00"), (None, "u", "2013-01-01"))
    rows, _, _, found = clean(table, {"r": {"rule": "fill_median", "column": "x", "by": "b"}}, cuts=(1, 2))
    assert found["r", "x"] == {"2013-01-01T00:00:00": 1.0, "2013-01-01T12:00:00": 5.0}
    assert rows["x"].tolist() == [1.0, 5.0, 1.0]


@pytest.mark.parametrize(
    ("type_", "names"),
    [("number", {"0.0": 1.0, "0.5": 2.0}), ("integer", {"0": 1.0, "1": 2.0}), ("boolean", {"False": 1.0, "True": 2.0})],
)
def test_groups_by_values_of_any_type(type_, names):
    values = {"number": (-0.0, 0.0, 0.5), "integer": (0, 0, 1), "boolean": (False, False, True)}[type_]
    table = frame({"x": "number", "a": type_}, *zip((1.0, None, 2.0), values, strict=True))
    assert measured("fill_median", table, by="a") == names
    assert changed("fill_median", table, by="a") == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("type_", "values", "mode"),
    [
        ("string", ["b", "a", "b", "a", None, None, None], "a"),
        ("integer", [2**53 + 1, 2**53 + 1, 1, None], 2**53 + 1),
        ("boolean", [True, None], True),
        ("datetime", [pd.Timestamp("2013-01-02"), pd.Timestamp("2013-01-01"), None], pd.Timestamp("2013-01-01")),
        ("number", [0.5, None], 0.5),
        ("string", [None], None),
        ("integer", [], None),
    ],
)
def test_fill_mode_takes_the_smallest_of_the_most_frequent(type_, values, mode):
    table = column(type_, *values)
    assert measured("fill_mode", table) == mode
    assert changed("fill_mode", table) == [mode if value is None else value for value in values]


@pytest.mark.parametrize(
    ("type_", "often", "once"), [("string", "p", "q"), ("integer", 2**53 + 1, 1), ("boolean", True, False), ("datetime", pd.Timestamp("2013-01-01"), pd.Timestamp("2014-01-01"))]
)  # fmt: skip
def test_fill_mode_by_group_keeps_values_of_any_type(type_, often, once):
    table = frame(
        {"x": type_, "a": "string"},
        (often, "u"),
        (often, "u"),
        (once, "u"),
        (None, "u"),
        (once, "v"),
        (None, "v"),
        (None, "w"),
    )
    assert measured("fill_mode", table, by="a") == {"u": often, "v": once}
    assert changed("fill_mode", table, by="a") == [often, often, once, often, once, once, None]


@pytest.mark.parametrize(("more_than", "left"), [(0.5, True), (0.49, False)])
def test_drop_column_missing_drops_above_the_share(more_than, left):
    rows, _, _, _ = clean(
        column("string", "a", None), {"r": {"rule": "drop_column_missing", "column": "x", "more_than": more_than}}
    )
    assert list(rows.columns) == (["x"] if left else [])
    assert len(rows) == 2


def test_a_column_of_no_rows_is_not_dropped():
    rows, _, _, found = clean(column("string"), {"r": {"rule": "drop_column_missing", "column": "x", "more_than": 0}})
    assert (list(rows.columns), found) == (["x"], {("r", "x"): None})


# --- laws -------------------------------------------------------------------------------------------------------------

TYPES = {"i": "integer", "n": "number", "s": "string", "b": "boolean", "t": "datetime"}
DAYS = [pd.Timestamp("2013-01-01"), pd.Timestamp("2013-01-01 12:00"), pd.Timestamp("2014-02-03")]
CELLS = {
    "i": st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([2**53 + 1, -(2**62)])),
    "n": st.one_of(st.none(), st.sampled_from([-0.0, 0.0, 0.1, 0.5, 1e9, -1.5])),
    "s": st.one_of(st.none(), st.sampled_from(["", " ", "a", "A ", "b, c", "1,5 kg", "12", "2013-01-01", "é"])),
    "b": st.sampled_from([None, True, False]),
    "t": st.sampled_from([None, *DAYS]),
}
tables = st.lists(st.tuples(*CELLS.values()), max_size=12).map(lambda rows: frame(TYPES, *rows))

numeric, any_column = st.sampled_from(["i", "n"]), st.sampled_from(list(TYPES))
several = st.lists(any_column, min_size=1, max_size=3, unique=True)
groups = st.one_of(st.none(), any_column, several)
small = st.integers(-2, 2)
LIKE = {
    "i": small,
    "n": small,
    "s": st.sampled_from(["a", "b, c", "x"]),
    "b": st.booleans(),
    "t": st.sampled_from(DAYS),
}


def entry(**options):
    return st.fixed_dictionaries(options)


def bounds(columns):
    low_high = st.tuples(small, small).map(sorted)
    numbers = st.builds(
        lambda name, ends, only: {"column": name} | dict([("min", ends[0]), ("max", ends[1])][: 1 + only]),
        columns,
        low_high,
        st.booleans(),
    )
    return st.one_of(numbers, st.builds(lambda day: {"column": "t", "min": day}, LIKE["t"]))


def of_kind(make):
    """Options on a column with values of its kind."""
    return any_column.flatmap(lambda name: make(name, LIKE[name]))


outliers = st.one_of(
    entry(column=numeric, method=st.sampled_from(["iqr", "zscore"]), factor=st.sampled_from([0.1, 1, 3])),
    entry(column=numeric, method=st.just("quantile"), lower=st.sampled_from([0, 0.2]), upper=st.sampled_from([0.6, 1])),
)
sampled = st.sampled_from([0.2, 0.5, 0.9])

OPTIONS = {
    "parse_number": entry(column=st.just("s"), decimal=st.just(","), units=st.just({"kg": 1000})),
    "parse_time": entry(column=st.just("s"), formats=st.just(["%Y-%m-%d", "%Y"])),
    "normalise_text": entry(column=st.just("s"), case=st.sampled_from(["as_is", "lower", "upper", "fold"])),
    "replace": of_kind(lambda name, like: entry(column=st.just(name), values=st.dictionaries(like, st.one_of(st.none(), like), max_size=2))),
    "drop_missing": entry(column=several),
    "drop_outside": bounds(numeric),
    "drop_outliers": outliers,
    "drop_duplicates": entry(columns=several, keep=st.sampled_from(["first", "last", "none"])),
    "keep_where": entry(where=st.sampled_from(["i > 0", "b", "n < i or missing(s)", "t >= '2013-01-01 12:00'"])),
    "keep_sample": entry(share=sampled, seed=small),
    "blank_outside": bounds(numeric),
    "blank_outliers": outliers,
    "clip": bounds(numeric),
    "fill_constant": of_kind(lambda name, like: entry(column=st.just(name), value=like)),
    "fill_median": entry(column=numeric, by=groups),
    "fill_mode": entry(column=any_column, by=groups),
    "drop_column_missing": entry(column=several, more_than=sampled),
}  # fmt: skip


def test_every_rule_is_tried_by_the_laws():
    assert sorted(OPTIONS) == sorted(RULES), "give OPTIONS a strategy for the new rule"


def entries_of(name):
    return OPTIONS[name].map(lambda options: {"rule": name, **options})


def check_laws(table, entries, cuts):
    rows, rejected, hits, found = clean(table, entries)

    # rows in = rows kept + rows rejected, each once; those rejected as they came
    assert sorted([*rows.index, *rejected.index]) == list(range(len(table)))
    pd.testing.assert_frame_equal(rejected.drop(columns="broken_rules"), table.loc[rejected.index])

    # each rejected row names every rule that it broke, no other row broke one
    rejecting = {name: options for name, options in entries.items() if RULES[options["rule"]].phase == "reject"}
    earlier = {name: options for name, options in entries.items() if RULES[options["rule"]].phase == "repair"}
    broken = {name: set(clean(table, earlier | {name: options})[1].index) for name, options in rejecting.items()}
    named = dict(zip(rejected.index, rejected["broken_rules"], strict=True))
    assert {row: [name for name in sorted(broken) if row in broken[name]] for row in rejected.index} == {
        row: names.split(", ") for row, names in named.items()
    }
    assert set().union(*broken.values()) == set(named)
    assert {name: hits[name] for name in broken} == {name: len(rows) for name, rows in broken.items()}

    # neither the order of the rules nor the cut into parts changes anything
    for other in (clean(table, dict(reversed(entries.items()))), clean(table, entries, cuts)):
        pd.testing.assert_frame_equal(other[0], rows)
        pd.testing.assert_frame_equal(other[1], rejected)
        assert (other[2], repr(other[3])) == (hits, repr(found))


@pytest.mark.parametrize("name", sorted(OPTIONS))
@settings(max_examples=15)
@given(data=st.data(), table=tables, cuts=st.tuples(st.integers(0, 12), st.integers(0, 12)))
def test_each_rule_keeps_the_laws(name, data, table, cuts):
    check_laws(table, {"r": data.draw(entries_of(name))}, cuts)


@settings(max_examples=40)
@given(data=st.data(), table=tables, cuts=st.tuples(st.integers(0, 12), st.integers(0, 12)))
def test_rules_together_keep_the_laws(data, table, cuts):
    chosen = data.draw(st.lists(st.sampled_from(sorted(OPTIONS)), min_size=2, max_size=6))
    entries, taken = {}, set()
    for number, name in enumerate(chosen):
        options = data.draw(entries_of(name))
        columns = options.get("column", [])
        places = {(RULES[name].phase, column) for column in ([columns] if isinstance(columns, str) else columns)}
        if RULES[name].phase != "reject" and places & taken:
            continue
        taken |= places
        entries[f"rule_{number}"] = options
    try:
        check_laws(table, entries, cuts)
    except ProjectError as mistake:  # parse_number makes numbers of a column that another rule takes for text
        assert " holds " in str(mistake) or "compares" in str(mistake)
