"""Keys: rows that repeat one are found by their values, and a primary key names one row."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import keys
from pipeline.errors import ProjectError
from pipeline.keys import check_key, repeated_rows
from pipeline.tables import part_path, write_part
from small import frame, resource

TYPES = {"id": "integer", "name": "string"}


def table(*rows):
    return frame(TYPES, *rows, index=range(10, 10 + len(rows)))


@pytest.mark.parametrize(("keep", "expected"), [("first", [12, 13]), ("last", [10, 12]), ("none", [10, 12, 13])])
def test_all_but_the_one_to_keep_are_named_by_their_labels(keep, expected):
    rows = table((1, "a"), (1, "b"), (1, "a"), (1, "a"))
    assert repeated_rows(rows, keep).tolist() == expected


@pytest.mark.parametrize(("keep", "expected"), [("first", [11, 13]), ("last", [10, 12]), ("none", [10, 11, 12, 13])])
def test_missing_values_equal_each_other(keep, expected):
    rows = table((None, "a"), (None, "a"), (None, None), (None, None), (0, "a"), (1, None))
    assert repeated_rows(rows, keep).tolist() == expected


def test_zero_equals_minus_zero():
    assert repeated_rows(frame({"x": "number"}, (0.0,), (-0.0,))).tolist() == [1]


def test_rows_with_one_hash_are_compared_by_their_values(monkeypatch):
    monkeypatch.setattr(pd.util, "hash_pandas_object", lambda rows, index: pd.Series(0, index=rows.index))
    assert repeated_rows(table((1, "a"), (2, "b"), (1, "a"), (2, "c"))).tolist() == [12]


cells = {
    "integer": st.sampled_from([None, 0, 1, 2**62]),
    "number": st.sampled_from([None, 0.0, -0.0, 0.1]),
    "string": st.sampled_from([None, "", "a", "A"]),
    "boolean": st.sampled_from([None, True, False]),
    "datetime": st.sampled_from([None, pd.Timestamp("2013-01-01"), pd.Timestamp("1970-01-01")]),
}


@given(st.lists(st.tuples(*cells.values()), max_size=15), st.sampled_from(["first", "last", "none"]))
def test_the_rows_left_are_those_of_pandas(rows, keep):
    types = {name: name for name in cells}
    made = frame(types, *rows)
    gone = made.index[made.duplicated(keep=False if keep == "none" else keep)]
    assert repeated_rows(made, keep).tolist() == gone.tolist()


# --- the promise of a primary key -------------------------------------------------------------------------------------

FLIGHTS = resource(
    {"name": "id", "type": "integer"}, {"name": "name"}, name="flights", schema={"primaryKey": ["id", "name"]}
)


@pytest.fixture
def written(tmp_path):
    def write(*parts):
        for number, rows in enumerate(parts):
            write_part(rows, part_path(tmp_path, number))
        return tmp_path

    return write


def refused(contract, folder, message, **known):
    with pytest.raises(ProjectError, match=f"^{re.escape(message)}$"):
        check_key(contract, folder, **known)


def test_a_key_that_names_one_row_passes(written):
    assert check_key(FLIGHTS, written(table((1, "a"), (1, "b")), table((2, "a")))) is None


def test_a_key_that_repeats_across_parts_is_shown(written):
    refused(
        FLIGHTS,
        written(table((1, "a"), (2, "a")), table((1, "a"))),
        "contract.yaml: flights: the key (id, name): repeats in 1 rows after cleaning, such as: 1, a\n"
        "  Add a rule `drop_duplicates` to clean.flights in params.yaml, or choose another key.",
    )


def test_a_key_with_a_missing_value_is_shown(written):
    refused(
        FLIGHTS,
        written(table((1, None), (None, None))),
        "contract.yaml: flights: the key (id, name): is missing in 2 rows after cleaning, such as: 1, (none); (none), (none)\n"
        "  Add a rule `drop_missing` to clean.flights in params.yaml, or choose another key.",
    )


def test_only_three_rows_are_shown(written):
    with pytest.raises(ProjectError, match=r"repeats in 5 rows after cleaning, such as: 1, a; 1, a; 1, a\n"):
        check_key(FLIGHTS, written(table(*[(1, "a")] * 6)))


def test_personal_values_of_a_key_are_masked(written):
    people = resource(
        {"name": "id", "type": "integer"},
        {"name": "name", "personal": True},
        name="people",
        schema={"primaryKey": ["id", "name"]},
    )
    with pytest.raises(ProjectError, match=r"such as: 1, •••\n"):
        check_key(people, written(table((1, "Ada"), (1, "Ada"))))


def test_a_unique_column_may_be_missing_but_not_repeat(written):
    unique = resource(
        {"name": "id", "type": "integer"}, {"name": "name", "constraints": {"unique": True}}, name="flights"
    )
    assert check_key(unique, written(table((1, None), (2, None), (3, "a")))) is None
    refused(
        unique,
        written(table((1, "a"), (2, "a"))),
        "contract.yaml: flights: the key (name): repeats in 1 rows after cleaning, such as: a\n"
        "  Add a rule `drop_duplicates` to clean.flights in params.yaml, or choose another key.",
    )


def test_a_key_that_a_rule_has_made_unique_is_not_looked_at_again(written, monkeypatch):
    monkeypatch.setattr(keys, "repeated_rows", lambda rows: pytest.fail("looked"))
    assert check_key(FLIGHTS, written(table((1, "a"))), [["name"]]) is None


def test_a_dropped_column_of_a_key_is_told(written):
    refused(
        FLIGHTS,
        written(frame({"id": "integer"}, (1,))),
        "contract.yaml: flights: cleaning dropped `name`, which belongs to the key (id, name)\n"
        "  Keep the column, or choose another key.",
    )


def test_a_table_without_rows_keeps_any_key(written):
    assert check_key(FLIGHTS, written(table())) is None
