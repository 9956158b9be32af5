"""Expressions: what they compute, what they refuse, and that they end in a value or in one message."""

import math
import operator
import time
from datetime import datetime

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import ProjectError
from pipeline.expressions import columns_of, evaluate

WHERE = "params.yaml: transform.features.late"
DTYPES = {
    "i": "Int64",
    "j": "Int64",
    "x": "float64",
    "y": "float64",
    "s": "str",
    "u": "str",
    "b": "boolean",
    "c": "boolean",
    "t": "datetime64[us]",
    "v": "datetime64[us]",
}
ROWS = [
    dict(i=1, j=2, x=0.5, y=2.0, s="UA", u="AA", b=True, c=False, t=datetime(2013, 1, 1, 5), v=datetime(2013, 1, 1, 6)),
    dict.fromkeys(DTYPES),
    dict(i=-7, j=0, x=-4.0, y=0.0, s="", u="é", b=False, c=False, t=datetime(2013, 2, 1), v=datetime(2012, 2, 1)),
]


def table_of(rows: list[dict]) -> pd.DataFrame:
    columns = {name: [row[name] for row in rows] for name in DTYPES}
    return pd.DataFrame({name: pd.Series(values, dtype=DTYPES[name]) for name, values in columns.items()})


TABLE = table_of(ROWS)


def values_of(text: str, table: pd.DataFrame = TABLE) -> list:
    return [None if pd.isna(value) else value for value in evaluate(text, table, WHERE).tolist()]


def message_of(text: str, table: pd.DataFrame = TABLE) -> str:
    with pytest.raises(ProjectError) as caught:
        evaluate(text, table, WHERE)
    assert caught.value.where == WHERE
    return str(caught.value).removeprefix(f"{WHERE}: ")


# --- values -----------------------------------------------------------------------------------------------------------


def computes(text: str, dtype: str, values: list):
    result = evaluate(text, TABLE, WHERE)
    assert (str(result.dtype), values_of(text)) == (dtype, values)


@pytest.mark.parametrize("text, values", [("i + j", [3, None, -7]), ("i - j", [-1, None, -7]), ("i * j", [2, None, 0])])
def test_whole_numbers_stay_whole(text, values):
    computes(text, "Int64", values)


def test_division_of_whole_numbers_gives_numbers():
    computes("j / i", "float64", [2.0, None, 0.0])


def test_whole_division_and_remainder_round_down_as_in_python():
    computes("i // 2", "Int64", [0, None, -4])
    computes("i % 2", "Int64", [1, None, 1])
    computes("x // 1.5", "float64", [0.0, None, -3.0])
    computes("x % 1.5", "float64", [0.5, None, 0.5])


@pytest.mark.parametrize("text", ["i / j", "i // j", "i % j", "x / y", "x // y", "x % y", "i / 0", "i // 0", "i % 0"])
def test_division_by_zero_is_missing(text):
    zero_in_last_row = values_of(text)
    assert zero_in_last_row[2] is None


def test_powers_are_numbers_and_do_not_wrap():
    computes("j ** 2", "float64", [4.0, None, 0.0])
    computes("10 ** 30 + 0 * i", "float64", [1e30, None, 1e30])


def test_a_root_of_a_negative_number_is_missing():
    computes("x ** 0.5", "float64", [math.sqrt(0.5), None, None])


def test_missing_to_the_power_of_zero_is_missing():
    computes("x ** 0", "float64", [1.0, None, 1.0])
    computes("1 ** x", "float64", [1.0, None, 1.0])


def test_a_result_too_large_for_a_number_is_missing():
    computes("x * 1e308 * 1e308", "float64", [None, None, None])


def test_a_minus_negates():
    computes("-i", "Int64", [-1, None, 7])
    computes("2 - -x", "float64", [2.5, None, -2.0])


def test_python_precedence_holds():
    computes("1 + 2 * j ** 2 - (1 + 2) * j", "float64", [3.0, None, 1.0])


@pytest.mark.parametrize(
    "text, values",
    [
        ("x >= 0.5", [True, None, False]),
        ("x != 0.5", [False, None, True]),
        ("i == 1.0", [True, None, False]),
        ("i < x", [False, None, True]),
        ("s == 'UA'", [True, None, False]),
        ("s > u", [True, None, False]),
        ("'B' <= s", [True, None, False]),
        ("b == c", [False, None, True]),
        ("b != true", [False, None, True]),
    ],
)
def test_a_comparison_with_a_missing_value_is_missing(text, values):
    computes(text, "boolean", values)


def test_comparisons_chain():
    computes("0 <= x < y <= 2", "boolean", [True, None, False])


def test_a_time_is_compared_with_a_quoted_time():
    computes("t >= '2013-01-01 05:00'", "boolean", [True, None, True])
    computes("'2013-01-15' < t", "boolean", [False, None, True])


def test_a_quoted_time_with_a_zone_is_taken_in_utc():
    computes("t == '2013-01-01T06:00+01:00'", "boolean", [True, None, False])


def test_a_time_minus_a_time_is_seconds():
    computes("v - t", "float64", [3600.0, None, -31622400.0])


@pytest.mark.parametrize(
    "text, values",
    [
        ("s in ['UA', \"B6\"]", [True, None, False]),
        ("s not in ['UA']", [False, None, True]),
        ("i in [1, -7.0]", [True, None, True]),
        ("b in [true]", [True, None, False]),
        ("t in ['2013-02-01']", [False, None, True]),
    ],
)
def test_membership_in_a_list(text, values):
    computes(text, "boolean", values)


def test_logic_has_three_values():
    rows = [dict(ROWS[0], b=b, c=c) for b in (True, False, None) for c in (True, False, None)]
    table = table_of(rows)
    assert values_of("b and c", table) == [True, False, None, False, False, False, None, False, None]
    assert values_of("b or c", table) == [True, True, True, True, False, None, True, None, None]
    assert values_of("not b", table) == [False] * 3 + [True] * 3 + [None] * 3


@pytest.mark.parametrize("column", DTYPES)
def test_missing_tells_what_is_missing(column):
    computes(f"missing({column})", "boolean", [False, True, False])


def test_missing_looks_at_expressions_too():
    computes("missing(i / j)", "boolean", [False, True, True])


@pytest.mark.parametrize(
    "text, dtype, value",
    [
        ("1 + 1", "Int64", 2),
        ("1 / 4", "float64", 0.25),
        ("'é'", "str", "é"),
        ("true", "boolean", True),
        ("1 < 2 and not false", "boolean", True),
    ],
)
def test_constants_make_a_constant_column(text, dtype, value):
    computes(text, dtype, [value] * 3)


@pytest.mark.parametrize("column, dtype", DTYPES.items())
def test_a_column_by_itself_is_a_copy_of_it(column, dtype):
    table = table_of([ROWS[0], ROWS[0]])  # nothing missing: where a view would be possible
    result = evaluate(column, table, WHERE)
    assert result.dtype == dtype
    result.array[0] = TABLE[column].iloc[2]
    assert table.equals(table_of([ROWS[0], ROWS[0]]))


def test_the_index_is_kept():
    table = TABLE.set_axis([7, 7, 3])
    for text in ("i", "x > 0", "s", "1"):
        assert evaluate(text, table, WHERE).index.tolist() == [7, 7, 3]


@pytest.mark.parametrize("name", ["Body Mass (g)", "größe", "ﬁn", "class", "a'b", "true", "__init__", "x.y", "日本 1"])
def test_a_column_of_any_spelling_stands_between_backticks(name):
    table = pd.DataFrame({name: [1, 2]})
    assert columns_of(f"`{name}` + 1", WHERE) == [name]
    assert evaluate(f"`{name}` + 1", table, WHERE).tolist() == [2, 3]


def test_letters_of_all_languages_need_no_backticks():
    assert columns_of("größe + ﬁn + 変数", WHERE) == ["größe", "ﬁn", "変数"]  # not normalised to fin


def test_quoted_text_is_taken_as_it_stands():
    for text in ("a\\nb", "`x`", "{i}", "#", 'say "no"'):
        assert values_of(f"'{text}'") == [text] * 3


def test_an_expression_may_run_over_lines():
    assert values_of("i +\n  j\n") == [3, None, -7]


def test_plain_numpy_dtypes_are_read_too():
    table = pd.DataFrame({"n": [1, 2], "f": pd.array([0.5, None], dtype="Float64"), "k": [True, False]})
    assert evaluate("n + 1", table, WHERE).dtype == "Int64"
    assert evaluate("f + 1", table, WHERE).dtype == "float64"
    assert evaluate("not k", table, WHERE).dtype == "boolean"


# --- columns_of -------------------------------------------------------------------------------------------------------


def test_columns_come_once_in_the_order_of_the_text():
    assert columns_of("late and (delay > mean or missing(`wind speed`)) and delay in [1]", WHERE) == [
        "late",
        "delay",
        "mean",
        "wind speed",
    ]


def test_constants_and_quoted_texts_are_no_columns():
    assert columns_of("'a' == \"b\" or true and 1 < 2", WHERE) == []


# --- refusals ---------------------------------------------------------------------------------------------------------

SYNTAX = [
    ("f(x)", "`f(x)`, character 1: a call is refused: `f(x)`"),
    ("1 + abs(x)", "`1 + abs(x)`, character 5: a call is refused: `abs(x)`"),
    ("missing(x, y)", "`missing(x, y)`, character 1: a call is refused: `missing(x, y)`"),
    ("missing(x=y)", "`missing(x=y)`, character 1: a call is refused: `missing(x=y)`"),
    ("missing(*x)", "`missing(*x)`, character 9: this is refused: `*x`"),
    ("`missing`(x)", "``missing`(x)`, character 1: a call is refused: ``missing`(x)`"),
    ("x.real", "`x.real`, character 1: an attribute (a dot after a name) is refused: `x.real`"),
    ("''.join", "`''.join`, character 1: an attribute (a dot after a name) is refused: `''.join`"),
    ("x[0]", "`x[0]`, character 1: a subscript is refused: `x[0]`"),
    ("lambda: x", "`lambda: x`, character 1: a lambda is refused: `lambda: x`"),
    ("(x := 1)", "`(x := 1)`, character 2: an assignment (:=) is refused: `x := 1`"),
    ("x if b else y", "`x if b else y`, character 1: a choice (if … else) is refused: `x if b else y`"),
    ("[q for q in s]", "`[q for q in s]`, character 1: a comprehension is refused: `[q for q in s]`"),
    ("[1, 2]", "`[1, 2]`, character 1: a list that does not follow `in` is refused: `[1, 2]`"),
    ("(1, 2)", "`(1, 2)`, character 1: this is refused: `(1, 2)`"),
    ("{1: 2}", "`{1: 2}`, character 1: this is refused: `{1: 2}`"),
    ("None", "`None`, character 1: this is refused: `None`"),
    ("...", "`...`, character 1: this is refused: `...`"),
    ("2j", "`2j`, character 1: this is refused: `2j`"),
    ("b & c", "`b & c`, character 1: an operator that is not offered is refused: `b & c`"),
    ("i << 1", "`i << 1`, character 1: an operator that is not offered is refused: `i << 1`"),
    ("~b", "`~b`, character 1: an operator that is not offered is refused: `~b`"),
    ("+i", "`+i`, character 1: an operator that is not offered is refused: `+i`"),
    ("__import__", "`__import__`, character 1: a name that starts with __ is refused: `__import__`"),
    ("i is None", "`i is None`, character 1: `is`, or `in` without a list or inside a chain, is refused: `i is None`"),
    ("i in j", "`i in j`, character 1: `is`, or `in` without a list or inside a chain, is refused: `i in j`"),
    ("i in []", "`i in []`, character 1: `is`, or `in` without a list or inside a chain, is refused: `i in []`"),
    (
        "0 < i in [1]",
        "`0 < i in [1]`, character 1: `is`, or `in` without a list or inside a chain, is refused: `0 < i in [1]`",
    ),
    ("i in [j]", "`i in [j]`, character 7: a list holds only numbers, 'text', true and false"),
    ("i in [1 + 1]", "`i in [1 + 1]`, character 7: a list holds only numbers, 'text', true and false"),
    ("b in [not true]", "`b in [not true]`, character 7: a list holds only numbers, 'text', true and false"),
    ("f'{x}'", "`f'{x}'`, character 2: letters or quotes directly beside a quoted text, as in f'', are refused"),
    ("'''x'''", "`'''x'''`, character 1: letters or quotes directly beside a quoted text, as in f'', are refused"),
    ("'\ud800'", "`' '`, character 1: half a character (a lone surrogate) is refused"),
    ("'x", "`'x`, character 1: a quote that is not closed"),
    ("i + `x", "`i + `x`, character 5: a quote that is not closed"),
    ("i # comment", "`i # comment`, character 3: `#` is refused"),
    ("i \\ j", "`i \\ j`, character 3: `\\` is refused"),
    ("'a' 'b'", "`'a' 'b'`, character 5: not readable as an expression from here"),
    ("größe größe", "`größe größe`, character 7: not readable as an expression from here"),
    ("i >", "`i >`, character 4: not readable as an expression from here"),
    ("(i", "`(i`, character 1: not readable as an expression from here"),
    ("i; j", "`i; j`, character 2: not readable as an expression from here"),
    ("x ≥ 15", "`x ≥ 15`, character 3: `≥` is refused"),
    ("", "the expression is empty"),
    ("  \n", "the expression is empty"),
]


@pytest.mark.parametrize("text, problem", SYNTAX, ids=[text.encode("unicode_escape").decode() for text, _ in SYNTAX])
def test_what_is_no_expression_is_refused_with_its_place_and_what_is_allowed(text, problem):
    first, remedy = message_of(text).split("\n")
    assert first == problem
    assert remedy.startswith("  Allowed: columns (`of any spelling` between backticks), numbers, 'text', true, false, ")
    with pytest.raises(ProjectError):
        columns_of(text, WHERE)


def test_a_single_equals_sign_gets_the_right_remedy():
    assert (
        message_of("i = 5") == "`i = 5`, character 3: not readable as an expression from here\n  Write == to compare."
    )


def test_a_number_beside_a_word_is_refused_before_python_warns_of_it():
    assert message_of("1or i") == "`1or i`, character 1: a number directly beside a word\n  Put a space between them."
    assert columns_of("x1or + y2in", WHERE) == ["x1or", "y2in"]


def test_an_unknown_column_is_named_with_the_nearest():
    assert message_of("1 < ii", TABLE[["i", "x"]]) == (
        "`1 < ii`, character 5: no such column `ii`\n  Did you mean `i`?  (columns: i, x)"
    )


TIMES = (
    "; times are compared, with one another or with '2013-01-31 15:30', or subtracted, which gives seconds; "
    "to shift one, write a function in src/features.py."
)
KINDS = [
    ("s + 1", "`s + 1`, character 1: adds text and number\n  `s` is text, `1` is a number."),
    ("i * b", "`i * b`, character 1: multiplies number and boolean\n  `i` is a number, `b` is a boolean."),
    ("s + u", "`s + u`, character 1: adds text and text\n  `s` is text, `u` is text."),
    ("2 * (i - s)", "`2 * (i - s)`, character 6: subtracts number and text\n  `i` is a number, `s` is text."),
    ("-s", "`-s`, character 2: negates text\n  `s` is text."),
    ("s == 1", "`s == 1`, character 1: compares text and number\n  `s` is text, `1` is a number."),
    ("b == 1", "`b == 1`, character 1: compares boolean and number\n  `b` is a boolean, `1` is a number."),
    ("b < c", "`b < c`, character 1: orders boolean and boolean\n  `b` is a boolean, `c` is a boolean."),
    ("s in ['UA', 1]", "`s in ['UA', 1]`, character 1: compares text and number\n  `s` is text, `1` is a number."),
    ("i and b", "`i and b`, character 1: `and` joins number and boolean\n  `i` is a number, `b` is a boolean."),
    ("b or s", "`b or s`, character 1: `or` joins boolean and text\n  `b` is a boolean, `s` is text."),
    ("not i", "`not i`, character 5: `not` negates number\n  `i` is a number."),
    ("t + 60", f"`t + 60`, character 1: adds time and number\n  `t` is a time, `60` is a number{TIMES}"),
    ("t - 60", f"`t - 60`, character 1: subtracts time and number\n  `t` is a time, `60` is a number{TIMES}"),
    ("t + v", f"`t + v`, character 1: adds time and time\n  `t` is a time, `v` is a time{TIMES}"),
    ("t > s", f"`t > s`, character 1: compares time and text\n  `t` is a time, `s` is text{TIMES}"),
    ("t > 'noon'", "`t > 'noon'`, character 5: 'noon' is no time\n  Write '2013-01-31 15:30'."),
    (
        "t > '0001-01-01T00:00+09:00'",
        "`t > '0001-01-01T00:00+09:00'`, character 5: '0001-01-01T00:00+09:00' is no time\n  Write '2013-01-31 15:30'.",
    ),
]


@pytest.mark.parametrize("rows", [3, 0])
@pytest.mark.parametrize("text, message", KINDS, ids=[text for text, _ in KINDS])
def test_kinds_that_do_not_go_together_are_found_even_without_rows(text, message, rows):
    assert message_of(text, TABLE.head(rows)) == message


@pytest.mark.parametrize("dtype", ["category", "timedelta64[us]", "datetime64[us, UTC]", "object", "uint8"])
def test_a_column_of_another_type_is_refused(dtype):
    assert message_of("z", pd.DataFrame({"z": pd.Series([], dtype=dtype)})) == (
        f"`z`, character 1: a column of type {dtype}\n"
        "  Expressions read numbers, text, booleans, and times in UTC without a zone."
    )


LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    "text, values",
    [
        ("n + 1", [LARGEST]),
        ("n * 2", [2**62]),
        ("n - 1", [-(2**63)]),
        ("-n", [-(2**63)]),
        ("n // -1", [-(2**63)]),
        ("n * n", [2**40]),
        ("n * n * n", [3_037_000_499]),
    ],
)
def test_whole_numbers_that_leave_64_bits_are_refused_and_never_wrap(text, values):
    table = pd.DataFrame({"n": pd.Series(values, dtype="Int64")})
    assert message_of(text, table).endswith(
        ": a result beyond the whole numbers of 64 bits\n  Make one of them a decimal number, as in 1.0 * x."
    )


def test_the_largest_whole_numbers_are_exact():
    table = pd.DataFrame({"n": pd.Series([LARGEST, -LARGEST, None], dtype="Int64")})
    assert values_of("n - 1 + 1", table) == [LARGEST, -LARGEST, None]
    assert values_of("n // 2 * 2 + n % 2", table) == [LARGEST, -LARGEST, None]
    assert values_of("-n", table) == [-LARGEST, LARGEST, None]


def test_numbers_too_large_are_refused():
    remedy = "a number too large\n  Whole ones go to 9223372036854775807, 1e19 to 1e308."
    assert message_of("i < 9223372036854775808") == f"`i < 9223372036854775808`, character 5: {remedy}"
    assert message_of("1e999") == f"`1e999`, character 1: {remedy}"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "i" + ")" * 10_000,
        "(" * 400 + "i" + ")" * 400,
        "-" * 900 + "i",
        "not " * 200 + "b",
        "missing(" * 101 + "i" + ")" * 101,
        "i" + "+i" * 400,
        "9" * 900,
        "[" * 900,
        "`" * 901,
        "-" * 900 + "`",
        "i\n" * 500,
    ],
)
def test_a_monstrous_expression_ends_at_once_in_one_short_message(text):
    start = time.monotonic()
    assert len(message_of(text)) < 400
    assert message_of(text).count("\n") == 1
    assert time.monotonic() - start < 1


def test_an_expression_of_more_than_a_thousand_characters_is_refused():
    assert values_of("i" + " " * 997 + "+1") == [2, None, -6]
    assert message_of("i" + " " * 998 + "+1").endswith(
        " has 1001 characters\n  At most 1000 are allowed; make several features of it."
    )


def test_a_tower_of_powers_ends_at_once():
    assert values_of("9**9**9**9") == [None] * 3


def test_a_sum_of_a_hundred_columns_is_allowed():
    assert values_of("i" + "+i" * 99) == [100, None, -700]


# --- laws -------------------------------------------------------------------------------------------------------------

numbers = st.integers(-20, 20) | st.none()
floats = st.floats(-20, 20).map(lambda x: round(x, 2)) | st.none()
texts = st.sampled_from(["", "a", "b", "é"]) | st.none()
booleans = st.booleans() | st.none()
times = st.datetimes(datetime(1970, 1, 1), datetime(2038, 1, 1)) | st.none()
rows_of = st.lists(
    st.fixed_dictionaries(
        {"i": numbers, "j": numbers, "x": floats, "y": floats, "s": texts, "u": texts, "b": booleans, "c": booleans}
        | {"t": times, "v": times}
    ),
    max_size=5,
)


def strict(function):
    """None in, None out; None too where Python finds no finite real number."""

    def compute(*operands):
        if None in operands:
            return None
        try:
            result = function(*operands)
        except (ZeroDivisionError, OverflowError):
            return None
        return (
            None if isinstance(result, complex) or (isinstance(result, float) and not math.isfinite(result)) else result
        )

    return compute


def both(a, b):
    return False if a is False or b is False else None if None in (a, b) else True


def either(a, b):
    return True if a is True or b is True else None if None in (a, b) else False


def column(names: str):
    return st.sampled_from([(name, operator.itemgetter(name)) for name in names])


def constant(values):
    return values.map(
        lambda value: (repr(value).lower() if isinstance(value, bool) else repr(value), lambda row: value)
    )


def binary(symbols: dict, operands, render="({} {} {})"):
    def make(drawn):
        symbol, (left, compute_left), (right, compute_right) = drawn
        function = symbols[symbol]
        return render.format(left, symbol, right), lambda row: function(compute_left(row), compute_right(row))

    return st.tuples(st.sampled_from(sorted(symbols)), operands, operands).map(make)


def unary(symbol: str, function, operands):
    return operands.map(lambda drawn: (f"({symbol}{drawn[0]})", lambda row: function(drawn[1](row))))


def powers_or_division(a, b):
    return float(a) ** float(b)


ARITHMETIC = {s: strict(f) for s, f in {"+": operator.add, "-": operator.sub, "*": operator.mul}.items()} | {
    "/": strict(operator.truediv),
    "//": strict(operator.floordiv),
    "%": strict(operator.mod),
    "**": strict(powers_or_division),
}
EQUALITY = {"==": strict(operator.eq), "!=": strict(operator.ne)}
ORDER = {"<": strict(operator.lt), "<=": strict(operator.le), ">": strict(operator.gt), ">=": strict(operator.ge)}

number = st.recursive(
    column("ijxy") | constant(st.integers(0, 9) | st.sampled_from([0.5, 1e-3, 2.5])),
    lambda inner: binary(ARITHMETIC, inner) | unary("-", strict(operator.neg), inner),
    max_leaves=4,
)
text = column("su") | constant(st.sampled_from(["a", "é"]))
time_ = column("tv")
seconds = binary({"-": strict(lambda a, b: (a - b).total_seconds())}, time_)


def chain(operands):
    def make(drawn):
        (a, f), (b, g), (c, h), first, second = drawn
        return (
            f"({a} {first} {b} {second} {c})",
            lambda row: both(ORDER[first](f(row), g(row)), ORDER[second](g(row), h(row))),
        )

    orders = st.sampled_from(sorted(ORDER))
    return st.tuples(operands, operands, operands, orders, orders).map(make)


def membership(operands, values):
    def make(drawn):
        (a, f), listed, negative = drawn
        found = strict(lambda value: (value in listed) is not negative)
        return f"({a} {'not in' if negative else 'in'} {listed})", lambda row: found(f(row))

    return st.tuples(operands, st.lists(st.sampled_from(values), min_size=1, max_size=3), st.booleans()).map(make)


anything = number | text | time_ | column("bc")
boolean = st.recursive(
    column("bc")
    | constant(st.booleans())
    | binary(EQUALITY | ORDER, number)
    | binary(EQUALITY | ORDER, text)
    | binary(EQUALITY | ORDER, time_)
    | binary(EQUALITY, column("bc"))
    | chain(number)
    | membership(text, ["a", "", "x"])
    | membership(number, [1, -2, 0.5])
    | anything.map(lambda drawn: (f"missing({drawn[0]})", lambda row: drawn[1](row) is None)),
    lambda inner: binary({"and": both, "or": either}, inner) | unary("not ", strict(operator.not_), inner),
    max_leaves=4,
)


@settings(max_examples=500, deadline=None)
@given(number | boolean | text | time_ | seconds, rows_of)
def test_expressions_agree_with_python_row_by_row(expression, rows):
    written, compute = expression
    values = values_of(written, table_of(rows))
    expected = [compute(row) for row in rows]
    assert [value is None for value in values] == [value is None for value in expected]
    for value, other in zip(values, expected, strict=True):
        if value is not None and not isinstance(other, bool) and isinstance(other, int | float):
            assert value == pytest.approx(other, rel=1e-9)
        else:
            assert value == other


@settings(deadline=None)
@given(number | boolean | text | time_ | seconds, rows_of)
def test_one_row_at_a_time_gives_what_the_whole_table_gives(expression, rows):
    written, _ = expression
    table = table_of(rows)
    whole = evaluate(written, table, WHERE)
    single = [evaluate(written, table.iloc[[n]], WHERE) for n in range(len(rows))]
    assert {part.dtype for part in single} <= {whole.dtype}
    if rows:
        pd.testing.assert_series_equal(pd.concat(single), whole, check_exact=True)


whole = (
    st.integers(-(2**63), LARGEST) | st.integers(-10, 10) | st.sampled_from([-(2**63), LARGEST, 2**62, 2**32, -(2**31)])
)


@given(st.sampled_from(["+", "-", "*", "//", "%"]), st.lists(st.tuples(whole, whole), min_size=1, max_size=3))
@example("%", [(LARGEST - 1, LARGEST)])  # as floats they are equal
def test_whole_numbers_are_exact_or_refused(symbol, pairs):
    table = pd.DataFrame({"n": pd.array([a for a, _ in pairs], "Int64"), "m": pd.array([b for _, b in pairs], "Int64")})
    expected = [ARITHMETIC[symbol](a, b) for a, b in pairs]
    if all(value is None or -(2**63) <= value <= LARGEST for value in expected):
        assert values_of(f"n {symbol} m", table) == expected
    else:
        assert "a result beyond the whole numbers of 64 bits" in message_of(f"n {symbol} m", table)


def evaluates_or_explains(expression: str):
    try:
        evaluate(expression, TABLE, WHERE)
    except ProjectError as mistake:
        assert len(str(mistake).splitlines()) <= 2
        str(mistake).encode()


@settings(max_examples=500)
@given(st.text())
@example("\x0ci")
@example("i\x1c+ j")
@example("\N{NO-BREAK SPACE}i\N{NO-BREAK SPACE}")
@example("1é2 + i")
def test_any_text_is_computed_or_explained(expression):
    evaluates_or_explains(expression)


PIECES = [
    "i",
    "x",
    "s",
    "b",
    "t",
    "'a'",
    '"',
    "'",
    "`i`",
    "`",
    "1",
    "0.5",
    "1e400",
    "99999999999999999999",
    "true",
    "None",
]
PIECES += [
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ":=",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
]
PIECES += [
    " and ",
    " or ",
    " not ",
    " in ",
    " is ",
    " if ",
    " else ",
    " for ",
    "lambda ",
    "missing(",
    ".",
    "@",
    "~",
    "&",
    "f'",
]
PIECES += [
    "\n",
    " ",
    "\t",
    "#",
    "\\",
    ";",
    "await ",
    "yield ",
    "__x",
    "...",
    "1j",
    "é",
    "\0",
    "0x",
    "1_0",
    "*",
    "in [1]",
]


@settings(max_examples=2000)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_shreds_of_python_are_computed_or_explained(expression):
    evaluates_or_explains(expression)


@settings(deadline=None)
@given(number | boolean, st.integers(0, 100), st.sampled_from(PIECES))
def test_a_damaged_expression_is_computed_or_explained(expression, place, piece):
    written, _ = expression
    evaluates_or_explains(written[:place] + piece + written[place:])
    evaluates_or_explains(written[:place] + written[place + 1 :])
