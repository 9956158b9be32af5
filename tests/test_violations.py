"""Cells that break the contract: counted all, the first ten shown, personal values masked."""

import datetime
import re

import pandas as pd
import pyarrow as pa
import pytest

from pipeline.contract import Field
from pipeline.errors import ProjectError
from pipeline.violations import (
    Violations,
    bound,
    broken_constraints,
    check_field,
    find_violations,
    has_constraints,
    refuse,
)
from small import frame


def field(type_="string", name="x", **more) -> Field:
    constraints = {key: more.pop(key) for key in list(more) if key not in Field.model_fields}
    return Field.model_validate({"name": name, "type": type_, "constraints": constraints, **more})


def words_of(values: list, column: Field) -> dict[str, list[bool]]:
    table = frame({"x": column.type}, *((value,) for value in values))
    return {words: mask.tolist() for words, mask in broken_constraints(table["x"], column) if mask.any()}


# --- constraints ------------------------------------------------------------------------------------------------------


def test_required_finds_the_missing_cells():
    assert words_of([1, None], field("integer", required=True)) == {"is missing, but required": [False, True]}


def test_a_value_that_is_listed_nowhere_is_shown_what_is_listed():
    assert words_of(["a", "b", None], field(enum=["a", "c"])) == {"is none of a, c": [False, True, False]}


def test_only_ten_listed_values_are_shown():
    assert list(words_of(["x"], field(enum=[*"abcdefghijklm"]))) == ["is none of a, b, c, d, e, f, g, h, i, j"]


@pytest.mark.parametrize(
    ("name", "words", "broken"),
    [
        ("minimum", "is under the minimum 2", [True, False, False, False]),
        ("maximum", "is over the maximum 2", [False, False, True, False]),
        ("exclusiveMinimum", "is not over 2", [True, True, False, False]),
        ("exclusiveMaximum", "is not under 2", [False, True, True, False]),
    ],
)
def test_bounds_let_missing_values_be(name, words, broken):
    assert words_of([1, 2, 3, None], field("integer", **{name: 2})) == {words: broken}
    assert words_of([1.0, 2.0, 3.0, None], field("number", **{name: 2})) == {words: broken}


def test_whole_numbers_are_compared_with_all_their_digits():
    assert words_of([2**53, 2**53 + 1], field("integer", maximum=2**53)) == {
        "is over the maximum 9007199254740992": [False, True]
    }


def test_a_pattern_is_for_the_whole_text_and_lets_missing_values_be():
    assert words_of(["ab", "abc", "ab\n", None], field(pattern="a|ab")) == {
        "does not match a|ab": [False, True, True, False]
    }


def test_a_pattern_may_look_ahead():
    assert words_of(["a1", "b1"], field(pattern="(?=a)..")) == {"does not match (?=a)..": [False, True]}


def test_lengths_are_counted_in_characters():
    assert words_of(["é", "éé", None], field(minLength=2)) == {"is shorter than 2": [True, False, False]}
    assert words_of(["é", "éé", None], field(maxLength=1)) == {"is longer than 1": [False, True, False]}


def test_times_are_compared_with_times():
    column = field("datetime", minimum="2013-01-01T00:00:00", maximum=datetime.date(2013, 1, 31))
    assert words_of(["2012-12-31 23:59:59", "2013-01-31", "2013-01-31 00:00:01"], column) == {
        "is under the minimum 2013-01-01T00:00:00": [True, False, False],
        "is over the maximum 2013-01-31": [False, False, True],
    }


# --- bounds -----------------------------------------------------------------------------------------------------------

NOON = datetime.datetime(2013, 1, 31, 12)


@pytest.mark.parametrize(
    ("value", "column", "expected"),
    [
        (5, field("integer"), 5),
        (0.5, field("integer"), 0.5),
        ("5", field("integer"), 5),
        ("1,5", field("number", decimalChar=","), 1.5),
        (2013, field("year"), 2013),
        (True, field("boolean"), True),
        ("y", field("boolean", trueValues=["y"]), True),
        ("a", field("string"), "a"),
        (datetime.date(2013, 1, 31), field("date"), pd.Timestamp("2013-01-31")),
        (datetime.date(2013, 1, 31), field("datetime"), pd.Timestamp("2013-01-31")),
        (NOON.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))), field("datetime"), pd.Timestamp(NOON.replace(hour=11))),
        ("31.01.2013", field("date", format="%d.%m.%Y"), pd.Timestamp("2013-01-31")),
        ("2013-01-31", field("date", format="%d.%m.%Y"), pd.Timestamp("2013-01-31")),
        ("2013-01-31", field("datetime"), pd.Timestamp("2013-01-31")),
        ("2013-01-31T12:00:00Z", field("datetime"), pd.Timestamp(NOON)),
    ],
)  # fmt: skip
def test_a_bound_is_read_as_a_value_of_its_column(value, column, expected):
    assert bound(value, column) == expected
    assert type(bound(value, column)) is not bool or column.type == "boolean"


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("abc", "integer"),
        (True, "integer"),
        (float("nan"), "number"),
        (1, "boolean"),
        (1, "string"),
        (2013, "date"),
        ("10:00", "datetime"),
        ("12", "date"),
        (datetime.date(2013, 1, 31), "number"),
    ],
)
def test_a_bound_of_another_kind_is_refused(value, type_):
    message = f"contract.yaml: found {value!r}, but the type of `x` is {type_}"
    with pytest.raises(ProjectError, match=f"^{re.escape(message)}$"):
        bound(value, field(type_))


# --- finding and telling ----------------------------------------------------------------------------------------------


def test_cells_are_told_by_row_then_in_words():
    table = frame({"id": "integer", "name": "string"}, (1, None), (-2, "b"), (-3, None))
    fields = [field("integer", "id", minimum=0), field("string", "name", required=True)]
    assert find_violations(table, fields, 101) == Violations(
        4,
        [
            (101, "row 101, name: is missing, but required"),
            (102, "row 102, id: `-2` is under the minimum 0"),
            (103, "row 103, id: `-3` is under the minimum 0"),
            (103, "row 103, name: is missing, but required"),
        ],
    )


def test_an_unreadable_cell_is_shown_as_it_came_and_is_not_missing_besides():
    table = frame({"x": "integer"}, (None,), (None,), (3,))
    unreadable = {"x": (pd.Series([True, False, False]), pa.chunked_array([["3a", None, "3"]]))}
    assert find_violations(table, [field("integer", required=True)], 1, unreadable) == Violations(
        2, [(1, "row 1, x: `3a` is no integer"), (2, "row 2, x: is missing, but required")]
    )


def test_nested_values_are_shown_as_they_are():
    unreadable = {"x": (pd.Series([True]), pa.chunked_array([[[1, 2]]]))}
    assert find_violations(frame({"x": "string"}, (None,)), [field()], 1, unreadable).first == [
        (1, "row 1, x: `[1, 2]` is no string")
    ]


def test_personal_values_are_masked():
    table = frame({"x": "string"}, ("Ada",), (None,))
    unreadable = {"x": (pd.Series([False, True]), pa.chunked_array([["Ada", "Bob"]]))}
    assert find_violations(table, [field(personal=True, enum=["Eve"])], 1, unreadable).first == [
        (1, "row 1, x: ••• is none of Eve"),
        (2, "row 2, x: ••• is no string"),
    ]


def test_a_long_value_is_cut_and_stays_in_its_line():
    found = find_violations(frame({"x": "string"}, ("a\nb\t" + "c" * 100,)), [field(maxLength=3)], 1)
    assert found.first == [(1, f"row 1, x: `a\\nb\\t{'c' * 53}…` is longer than 3")]


def test_all_are_counted_and_ten_are_shown():
    found = [
        find_violations(frame({"x": "integer"}, *[(-1,)] * 8), [field("integer", minimum=0)], first) for first in (1, 9)
    ]
    with pytest.raises(ProjectError) as caught:
        refuse(found, "a.csv", "Mend it.")
    assert str(caught.value).splitlines() == [
        "a.csv: 16 values break contract.yaml; the first 10:",
        *(f"  row {row}, x: `-1` is under the minimum 0" for row in range(1, 11)),
        "  Mend it.",
    ]


def test_one_value_is_told_in_the_singular():
    with pytest.raises(ProjectError) as caught:
        refuse([Violations(0, []), Violations(1, [(3, "row 3, x: `a` is no integer")])], "a.csv", "Mend it.")
    assert str(caught.value) == "a.csv: 1 value breaks contract.yaml:\n  row 3, x: `a` is no integer\n  Mend it."


def test_nothing_found_is_no_mistake():
    assert refuse([Violations(0, [])], "a.csv", "") is None


@pytest.mark.parametrize(
    ("column", "expected"),
    [(field(), False), (field("integer", unique=True), False), (field("integer", minimum=0), True)],
)
def test_unique_is_no_constraint_on_a_cell(column, expected):
    assert has_constraints(column) is expected


# --- the contract's own mistakes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        field("integer", minimum=0, maximum="5", enum=[1, 2]),
        field("date", format="%d.%m.%Y", minimum="2013-01-31"),
        field("datetime", format="%Y-%m-%dT%H:%M%z"),
        field("string", pattern="[a-z]+", minLength=1),
        field("boolean", enum=[True]),
        field("number", decimalChar=",", groupChar="."),
    ],
)
def test_good_columns_pass(column):
    assert check_field(column, "contract.yaml: t.x") is None


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (field("integer", minimum="abc"), ".constraints.minimum: found 'abc', but the type of `x` is integer"),
        (field("integer", enum=[1, "b"]), ".constraints.enum: found 'b', but the type of `x` is integer"),
        (field("date", maximum=2013), ".constraints.maximum: found 2013, but the type of `x` is date"),
        (field("string", minimum="a"), ".constraints.minimum: a column of type string cannot have it"),
        (field("boolean", exclusiveMaximum=True), ".constraints.exclusiveMaximum: a column of type boolean cannot have it"),
        (field("integer", pattern="1"), ".constraints.pattern: a column of type integer cannot have it"),
        (field("number", minLength=0), ".constraints.minLength: a column of type number cannot have it"),
        (field("string", pattern="("), ".constraints.pattern: not a regular expression: missing ), unterminated subpattern at position 1"),
        (field("string", pattern="(?i)a"), ".constraints.pattern: not a regular expression: global flags not at the start of the expression at position 1"),
        (field("number", groupChar="."), ": decimalChar and groupChar are both `.`"),
        (field("boolean", falseValues=["n", "1"]), ": `1` is among trueValues and falseValues"),
        (field("string", format="email"), ".format: `email` is not supported\n  Use `default`, and a constraint like `pattern`."),
        (field("date", format="any"), ".format: `any` is not supported\n  Write the pattern, such as %d.%m.%Y."),
        (field("date", format="%d.%m.%Y %z"), ".format: a date has no zone\n  Use the type datetime."),
        (field("date", format="%Q"), ".format: not a pattern of times: 'Q' is a bad directive in format '%Q'\n  Write %d.%m.%Y, for one."),
    ],
)  # fmt: skip
def test_a_bad_column_is_refused(column, message):
    with pytest.raises(ProjectError, match=f"^{re.escape('contract.yaml: t.x' + message)}$"):
        check_field(column, "contract.yaml: t.x")
