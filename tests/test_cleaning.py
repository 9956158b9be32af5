"""The engine of cleaning: phases, rules by name, and what it says of mistakes in params.yaml and in src/rules.py."""

import datetime
import inspect
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules as rule_functions
from check import rehearse_rules
from pipeline.cleaning import (
    GIVEN,
    before_phase,
    blank,
    clean_part,
    fill,
    measure_phases,
    parse_rules,
    parse_tables,
    reject,
    repair,
    rules_before,
)
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Column, Columns, Expression
from small import frame, resource, rows_of

TYPES = {"id": "integer", "name": "string", "share": "number", "late": "boolean", "time": "datetime"}
TABLE = resource(*({"name": name, "type": type_} for name, type_ in TYPES.items()))
FUNCTIONS = vars(rule_functions)


def rows(*ids, **columns):
    """Rows of which only the given columns have values."""
    columns = {"id": list(ids)} | columns if ids else columns
    count = len(next(iter(columns.values())))
    return frame(TYPES, *zip(*(columns.get(name, [None] * count) for name in TYPES), strict=True))


def clean(table, entries, functions=FUNCTIONS):
    """Clean a table in one part."""
    parsed = parse_rules(entries, functions, "params.yaml: clean.t")
    measured = measure_phases(
        parsed,
        lambda phase, columns, known: before_phase(table, phase, rules_before(phase, columns, parsed), known)[columns],
    )
    return clean_part(table, parsed, measured), measured


def refused(entries, *messages, functions=FUNCTIONS):
    with pytest.raises(ProjectErrors, match="^" + re.escape("\n".join(messages)) + "$"):
        parse_rules(entries, functions, "params.yaml: clean.t")


# --- phases -----------------------------------------------------------------------------------------------------------


def test_repair_comes_before_reject_comes_before_blank_comes_before_fill():
    table = rows(name=["1", "x", "5", "900", "7"])
    result, measured = clean(
        table,
        {
            "a_fill": {"rule": "fill_median", "column": "name"},
            "b_blank": {"rule": "blank_outside", "column": "name", "max": 100},
            "c_reject": {"rule": "drop_outside", "column": "name", "max": 1000, "min": 2},
            "d_repair": {"rule": "parse_number", "column": "name"},
        },
    )
    assert result.kept["name"].tolist() == [6.0, 5.0, 6.0, 7.0]
    assert measured == {("a_fill", "name"): 6.0}
    assert result.hits == {"a_fill": 2, "b_blank": 1, "c_reject": 1, "d_repair": 1}


def test_within_a_phase_all_rules_see_the_same_values():
    @repair
    def copy_of(table, *, column: Column, other: Column):
        return table[other]

    result, _ = clean(
        rows(name=["a"], share=[0.5]),
        {
            "x": {"rule": "copy_of", "column": "name", "other": "share"},
            "y": {"rule": "copy_of", "column": "share", "other": "name"},
        },
        {"copy_of": copy_of},
    )
    assert rows_of(result.kept[["name", "share"]]) == [(0.5, "a")]


def test_rejected_rows_are_the_original_ones_and_name_all_that_they_broke():
    table = rows(1, 2, 3, name=[" A ", "b", None], share=[2.0, 3.0, 0.5])
    result, _ = clean(
        table,
        {
            "small": {"rule": "drop_outside", "column": "share", "max": 1},
            "named": {"rule": "drop_missing", "column": ["name", "id"]},
            "first": {"rule": "keep_where", "where": "id != 1"},
            "tidy": {"rule": "normalise_text", "column": "name", "case": "lower"},
        },
    )
    assert result.kept.empty
    pd.testing.assert_frame_equal(result.rejected.drop(columns="broken_rules"), table)
    assert result.rejected["broken_rules"].tolist() == ["first, small", "small", "named"]
    assert result.hits == {"first": 1, "named": 1, "small": 2, "tidy": 1}


def test_a_statistic_for_reject_is_of_the_repaired_rows_and_for_later_phases_of_the_kept_ones():
    table = rows(share=[1.0, 2.0, 100.0, None])
    entries = {
        "far": {"rule": "drop_outliers", "column": "share", "method": "quantile", "upper": 0.5},
        "middle": {"rule": "fill_median", "column": "share"},
        "sane": {"rule": "replace", "column": "share", "values": {100: 3}},
    }
    result, measured = clean(table, entries)
    assert measured == {("far", "share"): {"min": None, "max": 2.0}, ("middle", "share"): 1.5}
    assert result.kept["share"].tolist() == [1.0, 2.0, 1.5]


def test_a_statistic_before_blank_is_of_the_kept_rows():
    entries = {
        "far": {"rule": "drop_outside", "column": "share", "max": 100},
        "usual": {"rule": "blank_outliers", "column": "share", "method": "quantile", "upper": 0.5},
    }
    result, measured = clean(rows(share=[1.0, 2.0, 3.0, 1000.0, 2000.0]), entries)
    assert measured == {("usual", "share"): {"min": None, "max": 2.0}}
    assert [None if pd.isna(cell) else cell for cell in result.kept["share"]] == [1.0, 2.0, None]


def test_a_statistic_before_fill_sees_blanked_cells_of_the_columns_that_it_reads():
    table = rows(share=[1.0, 3.0, 1000.0])
    entries = {
        "far": {"rule": "blank_outside", "column": "share", "max": 100},
        "middle": {"rule": "fill_median", "column": "share"},
    }
    result, measured = clean(table, entries)
    assert measured == {("middle", "share"): 2.0}
    assert result.kept["share"].tolist() == [1.0, 3.0, 2.0]


def test_rules_before_a_phase_are_those_that_what_is_read_hangs_on():
    @blank
    def blank_where(table, *, column: Column, where: Expression):
        return table[column].mask(rule_functions.evaluate(where, table, "where").fillna(False).astype(bool))

    entries = {
        "blanked": {"rule": "blank_where", "column": "share", "where": "id == 0"},
        "other_blank": {"rule": "clip", "column": "time", "min": "2013-01-01"},
        "ids": {"rule": "replace", "column": "id", "values": {7: 0}},
        "names": {"rule": "normalise_text", "column": "name"},
        "rejecting": {"rule": "keep_where", "where": "late"},
        "lates": {"rule": "replace", "column": "late", "values": {True: False}},
    }
    parsed = parse_rules(entries, FUNCTIONS | {"blank_where": blank_where}, "w")
    assert sorted(rule.name for rule in rules_before("fill", ["share"], parsed)) == [
        "blanked",
        "ids",
        "lates",
        "rejecting",
    ]
    assert sorted(rule.name for rule in rules_before("blank", ["share"], parsed)) == ["lates", "rejecting"]
    assert sorted(rule.name for rule in rules_before("reject", ["share", "name"], parsed)) == ["names"]


def test_a_dropped_column_is_named_with_its_rule():
    result, measured = clean(
        rows(1, 2, name=["a", None], share=[None, None]),
        {"empty": {"rule": "drop_column_missing", "column": ["name", "share", "late"], "more_than": 0.5}},
    )
    assert list(result.kept.columns) == ["id", "name", "time"]
    assert (result.dropped, result.hits) == ({"empty": ["share", "late"]}, {"empty": 0})
    assert measured == {("empty", "name"): 0.5, ("empty", "share"): 1.0, ("empty", "late"): 1.0}


def test_without_rules_all_rows_are_kept():
    table = rows(1, 2)
    result, measured = clean(table, {})
    pd.testing.assert_frame_equal(result.kept, table)
    assert (len(result.rejected), result.hits, measured) == (0, {}, {})


def test_a_column_may_be_called_like_an_argument():
    table = frame({"self": "string", "broken": "integer"}, (" a ", 1))
    result, _ = clean(table, {"tidy": {"rule": "normalise_text", "column": "self"}})
    assert rows_of(result.kept) == [("a", 1)]


# --- mistakes in params.yaml ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, ": no rule is named\n  Write `rule:` and one of: blank_outliers, blank_outside, clip, drop_column_missing, drop_duplicates, drop_missing, drop_outliers, drop_outside, fill_constant, fill_median, fill_mode, keep_sample, keep_where, normalise_text, parse_number, parse_time, replace"),
        ({"rule": "drop_mising", "column": "id"}, ".rule: no rule `drop_mising`\n  Did you mean `drop_missing`?  (rules: blank_outliers, blank_outside, clip, drop_column_missing, drop_duplicates, drop_missing, drop_outliers, drop_outside, fill_constant, fill_median, fill_mode, keep_sample, keep_where, normalise_text, parse_number, parse_time, replace)"),
        ({"rule": "drop_outside", "column": "id", "maximum": 3}, ".maximum: no such option of drop_outside\n  Did you mean `max`?  (options: column, min, max)"),
        ({"rule": "drop_outside", "column": ["id", "share"], "maximum": 3}, ".maximum: no such option of drop_outside\n  Did you mean `max`?  (options: column, min, max)"),
        ({"rule": "drop_missing"}, ".column: this option is missing"),
        ({"rule": "drop_missing", "column": []}, ".column: no column is listed"),
        ({"rule": "drop_missing", "column": ["id", "id"]}, ".column: a column is listed twice"),
        ({"rule": "drop_missing", "column": ["id", 3]}, ".column: found 3, expected text"),
        ({"rule": "drop_duplicates", "columns": []}, ".columns: found [], expected text or at least one item"),
        ({"rule": "drop_duplicates", "columns": "id", "keep": "frist"}, ".keep: found `frist`, no such choice\n  Did you mean `first`?  (choices: first, last, none)"),
        ({"rule": "keep_sample", "share": "half"}, ".share: found 'half', expected a number"),
        ({"rule": "replace", "column": "name", "values": ["a"]}, ".values: found ['a'], expected keys with values"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_names_its_key(entry, message):
    refused({"r": entry}, "params.yaml: clean.t.r" + message)


@pytest.mark.parametrize("name", [["drop_missing"], 3, None, "measure_median", "np"])
def test_what_is_no_rule_is_refused(name):
    with pytest.raises(ProjectErrors, match=re.escape("params.yaml: clean.t.r.rule: no rule `")):
        parse_rules({"r": {"rule": name, "column": "id"}}, FUNCTIONS, "params.yaml: clean.t")


def test_a_mistake_in_an_expression_is_told_beside_the_others():
    with pytest.raises(ProjectErrors) as caught:
        parse_rules(
            {"a": {"rule": "keep_where", "where": "id +"}, "b": {"rule": "drop_missing"}},
            FUNCTIONS,
            "params.yaml: clean.t",
        )
    assert [mistake.where for mistake in caught.value.errors] == [
        "params.yaml: clean.t.a.where",
        "params.yaml: clean.t.b.column",
    ]


def test_two_rules_on_a_column_in_one_phase_are_refused():
    refused(
        {
            "floor": {"rule": "clip", "column": ["id", "share"], "min": 0},
            "plausible": {"rule": "blank_outside", "column": "share", "max": 1},
        },
        "params.yaml: clean.t.plausible: `floor` changes the column `share` in the same phase (blank)\n"
        "  Say it in one rule, or write one in src/rules.py.",
    )


def test_two_rules_on_a_column_in_two_phases_or_that_reject_are_good():
    entries = {
        "a": {"rule": "drop_missing", "column": "id"},
        "b": {"rule": "drop_outside", "column": "id", "min": 0},
        "c": {"rule": "clip", "column": "id", "min": 0},
        "d": {"rule": "fill_constant", "column": "id", "value": 0},
    }
    assert [rule.name for rule in parse_rules(entries, FUNCTIONS, "w")] == ["a", "b", "c", "d"]


def tables_refused(entries, *messages, schema=None):
    with pytest.raises(ProjectErrors, match="^" + re.escape("\n".join(messages)) + "$"):
        parse_tables(entries, schema or {"t": TABLE}, FUNCTIONS)


def test_unknown_tables_and_columns_are_told_with_the_nearest_all_at_once():
    tables_refused(
        {
            "s": {},
            "t": {
                "a": {"rule": "drop_missing", "column": ["idd", "name"]},
                "b": {"rule": "drop_duplicates", "columns": ["id", "naem"]},
                "c": {"rule": "keep_where", "where": "laet"},
                "d": {"rule": "fill_median", "column": "share", "by": "nam"},
            },
        },
        "params.yaml: clean.s: no such table in contract.yaml\n  (tables: t)",
        "params.yaml: clean.t.a: no column `idd` in the table `t`\n  Did you mean `id`?  (columns: id, name, share, late, time)",
        "params.yaml: clean.t.b: no column `naem` in the table `t`\n  Did you mean `name`?  (columns: id, name, share, late, time)",
        "params.yaml: clean.t.c: no column `laet` in the table `t`\n  Did you mean `late`?  (columns: id, name, share, late, time)",
        "params.yaml: clean.t.d: no column `nam` in the table `t`\n  Did you mean `name`?  (columns: id, name, share, late, time)",
    )


def test_a_column_must_not_be_called_like_one_that_rejected_rows_get():
    tables_refused(
        {},
        "contract.yaml: t.source_row: the name `source_row` is taken by a column of data/rejected\n  Rename it.",
        schema={"t": resource({"name": "source_row"})},
    )


# --- a rehearsal without rows finds what does not go together ---------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"rule": "drop_outside", "column": "share", "min": "abc"}, ": found 'abc', but the column `share` holds numbers"),
        ({"rule": "drop_outside", "column": "share", "min": True}, ": found True, but the column `share` holds numbers"),
        ({"rule": "drop_outside", "column": "time", "min": 2013}, ": found 2013, but the column `time` holds times"),
        ({"rule": "drop_outside", "column": "time", "min": "10:00"}, ": found '10:00', but the column `time` holds times"),
        ({"rule": "drop_outside", "column": "name", "max": "z"}, ": bounds are for numbers and times, but the column `name` holds text"),
        ({"rule": "drop_outside", "column": "late", "max": 1}, ": bounds are for numbers and times, but the column `late` holds true or false"),
        ({"rule": "drop_outside", "column": "id"}, ": neither `min` nor `max` is given"),
        ({"rule": "blank_outside", "column": "id", "min": 5, "max": 4}, ": min (5) is over max (4)"),
        ({"rule": "fill_constant", "column": "id", "value": 2**63}, ": found 9223372036854775808, but the column `id` holds whole numbers"),
        ({"rule": "fill_constant", "column": "share", "value": 10**400}, f": found {10**400}, but the column `share` holds numbers"),
        ({"rule": "clip", "column": "id", "min": 0.5}, ": found 0.5, but the column `id` holds whole numbers"),
        ({"rule": "clip", "column": "name", "min": 0}, ": bounds are for numbers and times, but the column `name` holds text"),
        ({"rule": "fill_constant", "column": "id", "value": "none"}, ": found 'none', but the column `id` holds whole numbers"),
        ({"rule": "fill_constant", "column": "late", "value": 1}, ": found 1, but the column `late` holds true or false"),
        ({"rule": "replace", "column": "id", "values": {"N/K": None}}, ": found 'N/K', but the column `id` holds whole numbers"),
        ({"rule": "replace", "column": "name", "values": {"N/K": 0}}, ": found 0, but the column `name` holds text"),
        ({"rule": "parse_number", "column": "id"}, ": this rule reads text, but the column `id` holds whole numbers"),
        ({"rule": "parse_number", "column": "name", "decimal": ",", "thousands": ","}, ".decimal: found ',', which cannot mark decimals beside thousands: ','"),
        ({"rule": "parse_time", "column": "time", "formats": ["%Y"]}, ": this rule reads text, but the column `time` holds times"),
        ({"rule": "parse_time", "column": "name", "formats": ["%Q"]}, ": parse_time failed on the column `name` (str): ValueError: 'Q' is a bad directive in format '%Q'"),
        ({"rule": "normalise_text", "column": "share"}, ": this rule reads text, but the column `share` holds numbers"),
        ({"rule": "fill_median", "column": "name"}, ": this rule measures numbers, but the column `name` holds text"),
        ({"rule": "drop_outliers", "column": "late", "method": "iqr"}, ": this rule measures numbers, but the column `late` holds true or false"),
        ({"rule": "drop_outliers", "column": "id", "method": "quantile"}, ": found lower: None, upper: None, expected shares from 0 to 1, the lower one first, or one of them"),
        ({"rule": "drop_outliers", "column": "id", "method": "quantile", "upper": 99}, ": found lower: None, upper: 99.0, expected shares from 0 to 1, the lower one first, or one of them"),
        ({"rule": "drop_outliers", "column": "id", "method": "quantile", "lower": 0.9, "upper": 0.1}, ": found lower: 0.9, upper: 0.1, expected shares from 0 to 1, the lower one first, or one of them"),
        ({"rule": "drop_outliers", "column": "id", "method": "quantile", "factor": 2}, ".factor: the method `quantile` has none\n  Give `lower` or `upper`."),
        ({"rule": "blank_outliers", "column": "id", "method": "iqr", "lower": 0.1}, ".method: `lower` and `upper` are for the method `quantile`, not for `iqr`\n  Give `factor`."),
        ({"rule": "blank_outliers", "column": "id", "method": "zscore", "factor": 0}, ".factor: found 0, expected a number over 0"),
        ({"rule": "drop_column_missing", "column": "id", "more_than": 90}, ".more_than: found 90, expected a share from 0 to under 1"),
        ({"rule": "keep_sample", "share": 2}, ".share: found 2, expected a share over 0 and up to 1"),
        ({"rule": "keep_where", "where": "id + 1"}, ".where: `id + 1` is neither true nor false\n  Compare it with something: x > 0."),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_found_without_rows(entry, message):
    [rule] = parse_rules({"r": entry}, FUNCTIONS, "params.yaml: clean.t")
    with pytest.raises(ProjectError, match="^" + re.escape("params.yaml: clean.t.r" + message) + "$"):
        rehearse_rules(TABLE, [rule])


def test_a_mistake_of_kind_in_an_expression_is_found_without_rows():
    rules = parse_rules({"r": {"rule": "keep_where", "where": "id > name"}}, FUNCTIONS, "params.yaml: clean.t")
    with pytest.raises(ProjectError, match=r"^params\.yaml: clean\.t\.r\.where: `id > name`, character 1: "):
        rehearse_rules(TABLE, rules)


def test_a_rehearsal_gives_the_columns_and_dtypes_that_a_clean_table_has():
    entries = {
        "numbers": {"rule": "parse_number", "column": "name"},
        "far": {"rule": "drop_outliers", "column": "name", "method": "iqr"},
        "some": {"rule": "drop_outside", "column": "time", "min": "2013-01-01"},
        "middle": {"rule": "fill_median", "column": "id", "by": ["late", "time"]},
    }
    made = rehearse_rules(TABLE, parse_rules(entries, FUNCTIONS, "w"))
    assert {name: str(dtype) for name, dtype in made.dtypes.items()} == {
        "id": "Int64",
        "name": "float64",
        "share": "float64",
        "late": "boolean",
        "time": "datetime64[us]",
    }


# --- rules that somebody wrote ----------------------------------------------------------------------------------------


def use(function, table=None, **options):
    """Clean with one rule."""
    entries = {"r": {"rule": function.__name__, **options}}
    result, _ = clean(rows(1, 2, name=["a", "b"]) if table is None else table, entries, {function.__name__: function})
    return result


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (lambda table: table["name"].tolist(), "must return a column with a value for each row of the table"),
        (lambda table: None, "must return a column with a value for each row of the table"),
        (lambda table: table["name"].head(1), "must return a column with a value for each row of the table"),
        (lambda table: table["name"].reset_index(drop=True), "must return a column with a value for each row of the table"),
        (lambda table: table[["name"]], "must return a column with a value for each row of the table"),
        (lambda table: table["name"].astype("category"), "must return numbers, text, booleans or times, found category"),
        (lambda table: table["name"].map(lambda name: [name]), "must return numbers, text, booleans or times, found object"),
        (lambda table: pd.Series([1, "a"], index=table.index, dtype=object), "must return numbers, text, booleans or times, found object"),
        (lambda table: pd.Series([2**64 - 1, 0], index=table.index, dtype="uint64"), "must return numbers, text, booleans or times, found uint64"),
        (lambda table: table["nmae"], "looks for a column `nmae`, which it is not given\n  Did you mean `name`?  (columns: id, name, share, late, time)"),
        (lambda table: 1 / 0, "failed on the column `name` (str): ZeroDivisionError: division by zero"),
        (lambda table: {}[7], "failed on the column `name` (str): KeyError: 7"),
        (lambda table: [][0], "failed on the column `name` (str): IndexError: list index out of range"),
    ],
)  # fmt: skip
def test_a_rule_that_returns_garbage_is_named(returned, found):
    @repair
    def strange(table, *, column: Column):
        return returned(table)

    table = rows(1, 2, name=["a", "b"])
    table.index = [7, 8]
    with pytest.raises(ProjectError, match="^" + re.escape(f"params.yaml: clean.t.r: strange {found}") + "$"):
        use(strange, table, column="name")


@pytest.mark.parametrize("mask", [["yes", ""], [1, 0], [0.5, None]])
def test_a_rule_that_rejects_must_say_yes_or_no(mask):
    @reject
    def strange(table):
        return pd.Series(mask, index=table.index)

    with pytest.raises(
        ProjectError, match=r"^params\.yaml: clean\.t\.r: strange must return true or false for each row, found "
    ):
        use(strange)


def test_what_a_rule_that_rejects_cannot_tell_is_kept():
    @reject
    def unsure(table):
        return pd.Series([True, None], dtype="boolean")

    assert use(unsure).kept["id"].tolist() == [2]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (np.array([1, 2], "int8"), "Int64", [1, 2]),
        (np.array([1, 2], "float32"), "float64", [1.0, 2.0]),
        (np.array([True, False]), "boolean", [True, False]),
        (pd.array([1.5, None], "Float64"), "float64", [1.5, None]),
        (pd.array(["a", None], "string"), "str", ["a", None]),
        (np.array(["a", None], object), "str", ["a", None]),
        (np.array([True, None], object), "boolean", [True, None]),
        (np.array([None, None], object), "str", [None, None]),
        (pd.array(["2013-01-31"] * 2, "datetime64[ns]"), "datetime64[us]", [pd.Timestamp("2013-01-31")] * 2),
        (pd.array([pd.Timestamp("2013-01-31", tz="+01:00")] * 2), "datetime64[us]", [pd.Timestamp("2013-01-30 23:00")] * 2),
    ],
)  # fmt: skip
def test_what_numpy_and_pandas_make_of_a_column_is_brought_to_the_dtypes_of_tables(values, dtype, expected):
    @repair
    def change(table, *, column: Column):
        return pd.Series(values, index=table.index)

    made = use(change, column="name").kept["name"]
    assert str(made.dtype) == dtype
    assert [None if pd.isna(cell) else cell for cell in made] == expected


def test_a_rule_that_changes_its_table_changes_nothing_else():
    @repair
    def rude(table, *, column: Column):
        table[column] = "x"
        table["id"] = 0
        return table[column]

    result = use(rude, column="name")
    assert rows_of(result.kept[["id", "name"]]) == [(1, "x"), (2, "x")]
    assert result.hits == {"r": 2}


def test_a_rule_that_changes_cells_must_say_which_column():
    @fill
    def nameless(table):
        return table["name"]

    refused(
        {"r": {"rule": "nameless"}},
        "params.yaml: clean.t.r.rule: nameless changes a column, but has no option `column: Column`\n  Add it in src/rules.py.",
        functions={"nameless": nameless},
    )


def test_a_list_of_columns_makes_a_rule_of_each_also_beside_other_columns():
    @repair
    def difference(table, *, column: Column, other: Column):
        return table[column] - table[other]

    parsed = parse_rules(
        {"r": {"rule": "difference", "column": ["id", "share"], "other": "share"}}, {"difference": difference}, "w"
    )
    assert [(rule.column, rule.columns()) for rule in parsed] == [("id", ["id", "share"]), ("share", ["share"])]


def test_optional_columns_are_read_as_well():
    @fill
    def fill_from(
        table, *, column: Column, other: Column | None = None, by: Columns | None = None, more: list[Column] = ()
    ):
        return table[column]

    functions = {"fill_from": fill_from}
    [rule] = parse_rules({"r": {"rule": "fill_from", "column": "id", "by": ["name"], "more": ["late"]}}, functions, "w")
    assert sorted(rule.columns()) == ["id", "late", "name"]


def test_what_stumbles_over_a_personal_column_does_not_show_its_values():
    people = resource({"name": "id", "type": "integer"}, {"name": "name", "personal": True})

    @repair
    def look_up(table, *, column: Column):
        return table[column].map(lambda name: {}[name])

    @repair
    def convert(table, *, column: Column):
        return table[column].astype("float64")

    for function, said in ((look_up, "KeyError"), (convert, "ValueError")):
        entries = {"t": {"r": {"rule": function.__name__, "column": "name"}}}
        rules = parse_tables(entries, {"t": people}, {function.__name__: function})["t"]
        message = f"params.yaml: clean.t.r: {function.__name__} failed on the column `name` (str): {said}"
        with pytest.raises(ProjectError, match=f"^{re.escape(message)}$"):
            clean_part(frame({"id": "integer", "name": "string"}, (1, "Ada")), rules, {})


# --- any options ------------------------------------------------------------------------------------------------------

names = st.sampled_from([*TYPES, "none"])
scalars = st.one_of(
    names,
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(
        [2**70, 1e300, float("inf"), float("nan"), 0.5, "", "x", "2013-01-31", "%Y", "id > 0", "%Q", "10:00"]
    ),
    st.sampled_from([datetime.date(2013, 1, 31), datetime.datetime(9999, 12, 31, tzinfo=datetime.timezone.min)]),
)
anything = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(scalars, scalars, max_size=3))
TABLES = [
    rows(name=[]),
    rows(1, None, name=["a", None], share=[0.5, None], late=[True, None], time=["2013-01-31", None]),
]


@pytest.mark.parametrize("name", sorted(name for name, function in FUNCTIONS.items() if hasattr(function, "phase")))
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_the_options_a_rule_cleans_or_is_refused_in_words(name, data):
    function = FUNCTIONS[name]
    options = {option: data.draw(anything) for option in inspect.signature(function).parameters if option not in GIVEN}
    if "column" in options and data.draw(st.integers(0, 9)):
        options["column"] = data.draw(names)
    options = {option: value for option, value in options.items() if data.draw(st.integers(0, 9))}
    try:
        rules = parse_tables({"t": {"r": {"rule": name, **options}}}, {"t": TABLE}, FUNCTIONS)["t"]
        rehearse_rules(TABLE, rules)
    except (ProjectError, ProjectErrors) as mistake:
        assert str(mistake).startswith("params.yaml: clean.t.r")
        return
    for table in TABLES:  # what passes the rehearsal does not fail on rows
        result, _ = clean(table, {"r": {"rule": name, **options}})
        assert len(result.kept) + len(result.rejected) == len(table)
