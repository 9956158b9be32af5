"""Features: their order is found, mistakes are collected, marks are inherited, and functions are not trusted."""

import types

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from pipeline.derive import check_features, columns_read, derive, functions_of, inherited, order
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Column, Columns, Expression

WHERE = "params.yaml: transform.features"
FLIGHTS = pd.DataFrame(
    {
        "arr_delay": pd.Series([20.0, None, -3.0], dtype="float64"),
        "dep_time": pd.Series([517, None, 2400], dtype="Int64"),
        "carrier": pd.Series(["UA", None, "AA"], dtype="str"),
    }
)


def double(table: pd.DataFrame, *, column: Column) -> pd.Series:
    return 2 * table[column]


def total(table: pd.DataFrame, *, columns: Columns, offset: Column | None = None, note: str = "") -> pd.Series:
    columns = [columns] if isinstance(columns, str) else columns
    return table[[*columns, *([offset] if offset else [])]].sum(axis=1)


def where_true(table: pd.DataFrame, *, column: Column, condition: Expression) -> pd.Series:
    return table[column].where(table["arr_delay"] > 0)


FUNCTIONS = {function.__name__: function for function in (double, total, where_true)}


def messages_of(entries: dict, functions=FUNCTIONS, table: pd.DataFrame = FLIGHTS) -> list[str]:
    with pytest.raises(ProjectErrors) as caught:
        derive(table, entries, functions)
    return [str(mistake).removeprefix(f"{WHERE}") for mistake in caught.value.errors]


def failure_of(function) -> str:
    """The first line of what is said of a feature `q` that this function computes from arr_delay."""
    (message,) = messages_of({"q": {"function": "f", "column": "arr_delay"}}, {"f": function})
    return message.splitlines()[0]


# --- what is derived --------------------------------------------------------------------------------------------------


def test_features_are_added_to_the_table_in_the_order_of_their_names():
    entries = {"late": "arr_delay >= 15", "delay": {"function": "double", "column": "arr_delay"}}
    expected = FLIGHTS.assign(delay=pd.Series([40.0, None, -6.0]), late=pd.Series([True, None, False], dtype="boolean"))
    pd.testing.assert_frame_equal(derive(FLIGHTS, entries, FUNCTIONS), expected)


def test_the_table_itself_stays_as_it_was():
    before = FLIGHTS.copy(deep=True)
    derive(FLIGHTS, {"late": "arr_delay >= 15"}, FUNCTIONS)
    pd.testing.assert_frame_equal(FLIGHTS, before)


def test_a_feature_may_need_one_that_is_written_after_it():
    entries = {"a": "z + 1", "z": "m * 2", "m": {"function": "double", "column": "arr_delay"}}
    assert derive(FLIGHTS, entries, FUNCTIONS)["a"].tolist()[0] == 81.0


def test_no_features_leave_the_table():
    pd.testing.assert_frame_equal(derive(FLIGHTS, {}, FUNCTIONS), FLIGHTS)


def test_the_index_is_kept_even_if_labels_repeat():
    def f(table: pd.DataFrame, *, column: Column) -> pd.Series:
        return pd.Series(range(len(table)), index=list(table.index))

    table = FLIGHTS.set_axis([7, 7, 3])
    derived = derive(table, {"late": "arr_delay >= 15", "q": {"function": "f", "column": "late"}}, {"f": f})
    assert derived.index.tolist() == [7, 7, 3]
    assert derived["q"].tolist() == [0, 1, 2]


def test_a_table_without_rows_gets_the_same_dtypes():
    entries = {"late": "arr_delay >= 15", "delay": {"function": "double", "column": "dep_time"}, "who": "carrier"}
    whole, empty = derive(FLIGHTS, entries, FUNCTIONS), derive(FLIGHTS.head(0), entries, FUNCTIONS)
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == whole.dtypes.to_dict()


def test_one_row_at_a_time_gives_what_the_whole_table_gives():
    entries = {
        "late": "arr_delay >= 15",
        "hour": {"function": "hour_of", "column": "dep_time"},
        "hour_sin": {"function": "cyclic", "column": "hour", "period": 24, "part": "sin"},
        "size": {"function": "bins", "column": "arr_delay", "edges": [0, 15], "labels": ["early", "on time", "late"]},
    }
    functions = functions_of(features)
    rows = [derive(FLIGHTS.iloc[[n]], entries, functions) for n in range(len(FLIGHTS))]
    pd.testing.assert_frame_equal(pd.concat(rows), derive(FLIGHTS, entries, functions), check_exact=True)


CHAIN = {
    "a": "b + c",
    "b": {"function": "double", "column": "c"},
    "c": "arr_delay + 1",
    "d": {"function": "total", "columns": ["a", "e"], "offset": "arr_delay"},
    "e": "-c",
}


@settings(deadline=None)
@given(st.permutations(list(CHAIN)))
def test_the_order_of_the_entries_changes_nothing(names):
    permuted = {name: CHAIN[name] for name in names}
    assert order(permuted, FUNCTIONS) == ["c", "b", "e", "a", "d"]
    assert list(check_features(permuted, FUNCTIONS, FLIGHTS.columns)) == ["c", "b", "e", "a", "d"]
    assert inherited(["arr_delay"], permuted, FUNCTIONS) == inherited(["arr_delay"], CHAIN, FUNCTIONS)
    pd.testing.assert_frame_equal(derive(FLIGHTS, permuted, FUNCTIONS), derive(FLIGHTS, CHAIN, FUNCTIONS))


@settings(deadline=None)
@given(st.permutations(list("abcd")))
def test_the_order_of_the_entries_does_not_change_what_is_said_of_mistakes(names):
    entries = {"a": "b", "b": "a", "c": "carier", "d": {"function": "dubble", "column": "carrier"}}
    with pytest.raises(ProjectErrors) as expected:
        check_features(entries, FUNCTIONS, FLIGHTS.columns)
    with pytest.raises(ProjectErrors) as caught:
        check_features({name: entries[name] for name in names}, FUNCTIONS, FLIGHTS.columns)
    assert str(caught.value) == str(expected.value)


@given(st.permutations(["x", "y", "p", "q"]))
def test_of_features_that_need_the_same_the_first_by_name_comes_first(names):
    entries = {"x": "arr_delay", "y": "arr_delay", "p": "y", "q": "x"}
    assert order({name: entries[name] for name in names}, FUNCTIONS) == ["x", "y", "p", "q"]


@given(st.permutations(["a", "b", "c"]))
def test_a_circle_is_always_told_from_the_same_feature(names):
    entries = {"a": "b", "b": "c", "c": "a"}
    with pytest.raises(ProjectError, match=r"features.a: a needs b needs c needs a, a circle"):
        order({name: entries[name] for name in names}, FUNCTIONS)


# --- columns and marks ------------------------------------------------------------------------------------------------


def test_the_columns_of_a_function_are_known_by_its_type_hints():
    assert columns_read({"function": "total", "columns": "a", "note": "b"}, FUNCTIONS) == ["a"]
    assert set(columns_read({"function": "total", "columns": ["a", "b"], "offset": "c"}, FUNCTIONS)) == {"a", "b", "c"}
    assert set(columns_read({"function": "where_true", "column": "a", "condition": "b > c"}, FUNCTIONS)) == {
        "a",
        "b",
        "c",
    }


def test_a_column_that_an_option_names_by_default_counts():
    def f(table: pd.DataFrame, *, column: Column = "arr_delay") -> pd.Series:
        return table[column]

    assert columns_read({"function": "f"}, {"f": f}) == ["arr_delay"]


def test_the_columns_of_an_expression_are_those_that_it_names():
    assert columns_read("b > 1 and missing(`a c`)", FUNCTIONS) == ["b", "a c"]


def test_marks_are_inherited_through_features_with_the_shortest_way():
    entries = {
        "late": "arr_delay >= 15",
        "very_late": {"function": "double", "column": "late"},
        "both": "very_late or arr_delay > 60",
        "hour": "dep_time // 100",
    }
    assert inherited({"arr_delay"}, entries, FUNCTIONS) == {
        "both": ["both", "arr_delay"],
        "late": ["late", "arr_delay"],
        "very_late": ["very_late", "late", "arr_delay"],
    }


def test_a_mark_passes_through_the_condition_of_a_function():
    entries = {"a": {"function": "where_true", "column": "dep_time", "condition": "carrier == 'UA'"}}
    assert inherited({"carrier"}, entries, FUNCTIONS) == {"a": ["a", "carrier"]}


def test_without_marks_nothing_is_inherited():
    assert inherited(set(), CHAIN, FUNCTIONS) == {}


# --- mistakes ---------------------------------------------------------------------------------------------------------


def test_all_mistakes_are_collected():
    entries = {
        "a": "late >",
        "b": {"function": "dubble", "column": "arr_delay"},
        "c": {"function": "double", "colum": "arr_delay"},
        "d": "arr_delai + carier",
        "e": {"function": "double", "column": "arrdelay"},
        "carrier": "arr_delay",
        "": "arr_delay",
    }
    assert len(messages_of(entries)) == 9  # an option is missing in c and another is unknown; d names two columns


def test_an_unknown_function_is_named_with_the_nearest():
    assert messages_of({"a": {"function": "dubble", "column": "arr_delay"}}) == [
        ".a.function: no such function `dubble`\n  Did you mean `double`?  (functions: double, total, where_true)"
    ]


def test_an_entry_without_function_is_told_what_to_write():
    assert messages_of({"a": {"column": "arr_delay"}}) == [
        ".a: this feature names no function\n  Write an expression, or `function:` and its options."
    ]


def test_an_unknown_option_is_named_with_the_nearest():
    assert messages_of({"a": {"function": "double", "column": "arr_delay", "colum": 1}}) == [
        ".a.colum: no such option of double\n  Did you mean `column`?  (options: column)"
    ]


def test_an_option_of_a_wrong_type_is_refused():
    assert messages_of({"a": {"function": "double", "column": 5}}) == [".a.column: found 5, expected text"]


def test_an_unknown_column_is_named_with_the_place_and_the_nearest():
    listed = "(columns: a, arr_delay, b, c, carrier, dep_time)"
    entries = {
        "a": "arr_delai + 1",
        "b": {"function": "double", "column": "carier"},
        "c": {"function": "where_true", "column": "carrier", "condition": "dep_tim > 1"},
    }
    assert messages_of(entries) == [
        f".a: no such column `arr_delai`\n  Did you mean `arr_delay`?  {listed}",
        f".b.column: no such column `carier`\n  Did you mean `carrier`?  {listed}",
        f".c.condition: no such column `dep_tim`\n  Did you mean `dep_time`?  {listed}",
    ]


def test_a_circle_is_shown_all_around():
    entries = {
        "late": "delay_class > 1",
        "delay_class": {"function": "double", "column": "mean"},
        "mean": "late + 1",
        "other": "late",
    }
    assert messages_of(entries) == [
        ".delay_class: delay_class needs mean needs late needs delay_class, a circle\n"
        "  Derive one of them from columns of the table only."
    ]


def test_a_feature_cannot_need_itself():
    assert messages_of({"a": "a + 1"})[0].startswith(".a: a needs a, a circle")


def test_a_name_that_is_a_column_already_is_refused():
    assert messages_of({"carrier": "arr_delay"}) == [
        ".carrier: `carrier` is a column already\n  Choose another name for the feature."
    ]


@pytest.mark.parametrize("name", ["", " ", " late", "a`b", "a\nb"])
def test_a_name_that_no_column_can_have_is_refused(name):
    assert messages_of({name: "arr_delay"}) == [
        f": {name!r} can't be the name of a column\n  Use letters, digits and _."
    ]


@pytest.mark.parametrize("rows", [0, 3])
def test_each_feature_of_a_wrong_kind_is_named_once_even_without_rows(rows):
    entries = {"a": "carrier + 1", "b": "-carrier", "c": "a + 1", "d": "arr_delay"}
    assert [message.splitlines()[0] for message in messages_of(entries, table=FLIGHTS.head(rows))] == [
        ".a: `carrier + 1`, character 1: adds text and number",
        ".b: `-carrier`, character 2: negates text",
    ]


# --- functions --------------------------------------------------------------------------------------------------------


def refuse(table: pd.DataFrame, *, column: Column) -> pd.Series:
    raise ValueError(f"first\nsecond {table[column].tolist()}")


REFUSED = {"q": {"function": "refuse", "column": "arr_delay"}}


def test_what_a_function_raises_on_a_table_without_rows_is_told_in_one_line():
    with pytest.raises(ProjectErrors) as caught:
        derive(FLIGHTS.head(0), REFUSED, {"refuse": refuse}, "")
    assert str(caught.value) == (
        ".q: `refuse` failed: ValueError: first second []\n"
        "  It is given the columns that its options name (arr_delay) and returns one value a row."
    )


def test_what_it_raises_on_rows_is_not_as_it_could_quote_a_personal_value():
    (message,) = messages_of(REFUSED, {"refuse": refuse})
    assert message.splitlines()[0] == ".q: `refuse` failed: ValueError"


def test_a_mistake_that_a_function_explains_is_passed_on():
    def f(table: pd.DataFrame, *, column: Column) -> pd.Series:
        raise ProjectError(".q", "no ice today")

    assert failure_of(f) == ".q: no ice today"


def test_a_function_is_given_only_the_columns_that_its_options_name():
    def f(table: pd.DataFrame, *, column: Column) -> pd.Series:
        return table["carrier"]

    assert failure_of(f) == ".q: `f` failed: KeyError: 'carrier'"


def test_a_function_that_writes_into_its_table_changes_nothing_else():
    def f(table: pd.DataFrame, *, column: Column) -> pd.Series:
        table.loc[0, column] = 99.0
        values = table[column]
        values.iloc[1] = 99.0
        return values

    derived = derive(FLIGHTS, {"q": {"function": "f", "column": "arr_delay"}, "r": "arr_delay"}, {"f": f})
    assert derived["q"].tolist() == [99.0, 99.0, -3.0]
    pd.testing.assert_series_equal(derived["r"], FLIGHTS["arr_delay"], check_names=False)
    pd.testing.assert_frame_equal(derived[list(FLIGHTS)], FLIGHTS)
    assert FLIGHTS["arr_delay"].iloc[0] == 20.0


@pytest.mark.parametrize(
    "make, problem",
    [
        (lambda column: 5, "TypeError: returned int, expected a Series"),
        (lambda column: column.to_numpy(), "TypeError: returned ndarray, expected a Series"),
        (lambda column: column.head(1), "ValueError: returned 1 rows with other labels than the 3 rows of the table"),
        (lambda column: column.dropna(), "ValueError: returned 2 rows with other labels than the 3 rows of the table"),
        (
            lambda column: column.iloc[::-1],
            "ValueError: returned 3 rows with other labels than the 3 rows of the table",
        ),
        (
            lambda column: column.astype("object"),
            "TypeError: returned values of type object, expected Int64, float64, str, boolean or datetime64[us]",
        ),
        (
            lambda column: column.astype("category"),
            "TypeError: returned values of type category, expected Int64, float64, str, boolean or datetime64[us]",
        ),
    ],
)
def test_what_is_no_value_a_row_is_refused(make, problem):
    def f(table: pd.DataFrame, *, column: Column) -> pd.Series:
        return make(table[column])

    assert failure_of(f) == f".q: `f` failed: {problem}"


@pytest.mark.parametrize(
    "given_dtype, dtype",
    [
        ("float32", "float64"),
        ("Float64", "float64"),
        ("Int8", "Int64"),
        ("UInt32", "Int64"),
        ("boolean", "boolean"),
        ("str", "str"),
        ("string", "str"),
        ("datetime64[ns]", "datetime64[us]"),
    ],
)
def test_what_a_function_returns_gets_a_dtype_of_the_project(given_dtype, dtype):
    def f(table: pd.DataFrame, *, column: Column) -> pd.Series:
        return pd.Series([None] * len(table), dtype=given_dtype)

    assert derive(FLIGHTS, {"q": {"function": "f", "column": "arr_delay"}}, {"f": f})["q"].dtype == dtype


def test_the_public_functions_that_a_module_defines_can_be_named():
    module = types.ModuleType("module")
    exec("def mine(table): ...\ndef _hidden(table): ...\nclass Thing: ...\nnumber = 1", module.__dict__)
    module.borrowed = double
    assert list(functions_of(module)) == ["mine"]
