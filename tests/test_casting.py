"""Raw values get the types of the contract, as frictionless reads them; where we differ, it is said here and why."""

import datetime
import decimal
import math
import re

import pandas as pd
import pyarrow as pa
import pytest
from frictionless import Schema
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.casting import cast, is_typed
from pipeline.contract import Field
from pipeline.tables import DTYPES
from pipeline.violations import broken_constraints


def field(type_: str, **more) -> Field:
    return Field.model_validate({"name": "x", "type": type_, **more})


def read(values: list, column: Field, missing: list[str] | None = None, type_: pa.DataType | None = None) -> list:
    """Cast values; "unreadable" stands for those that are."""
    series, bad = cast(pa.chunked_array([pa.array(values, type_)]), column, [""] if missing is None else missing)
    assert series.dtype == DTYPES[column.type]
    assert not (bad & series.notna()).any()
    cells = [
        "unreadable" if is_bad else None if pd.isna(cell) else cell for cell, is_bad in zip(series, bad, strict=True)
    ]
    return cells


def read_by_frictionless(cell, column: Field, missing: list[str] | None = None):
    content = column.model_dump(by_alias=True, exclude_unset=True)
    schema = Schema.from_descriptor({"fields": [content], "missingValues": [""] if missing is None else missing})
    value, notes = schema.fields[0].read_cell(cell)
    if notes and "type" in notes:
        return "unreadable"
    if isinstance(value, decimal.Decimal | float):
        return float(value)
    if isinstance(value, datetime.datetime):
        return pd.Timestamp(value).tz_convert(None) if value.tzinfo else pd.Timestamp(value)
    return pd.Timestamp(value) if isinstance(value, datetime.date) else value


# --- agreement with frictionless --------------------------------------------------------------------------------------

digits = st.text("0123456789", min_size=1, max_size=5)
number_like = st.text("0123456789.,-+eE ", max_size=8)
decorated = st.builds(
    "{}{}{}".format, st.sampled_from(["", "$", "€ ", "CHF "]), number_like, st.sampled_from(["", "%", " kg"])
)
date_like = st.builds(
    "{}-{}-{}".format,
    st.integers(1, 9999).map("{:04}".format),
    st.one_of(st.integers(0, 13).map(str), st.integers(0, 13).map("{:02}".format)),
    st.one_of(st.integers(0, 32).map(str), st.integers(0, 32).map("{:02}".format)),
)
clock = st.builds("{:02}:{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 60), st.integers(0, 60))
fraction = st.one_of(
    st.just(""), digits.map(".{}".format), st.text("0123456789", min_size=6, max_size=9).map(".{}".format)
)
zone = st.sampled_from(["", "Z", "+01:00", "-0530", "+14", "z", " Z", "+1"])
padded_date = st.dates(datetime.date(2, 1, 1), datetime.date(9998, 12, 31)).map(datetime.date.isoformat)
datetime_like = st.one_of(
    st.builds("{}{}{}{}{}".format, padded_date, st.sampled_from(["T", " "]), clock, fraction, zone),
    st.builds("{}T{:02}:{:02}".format, padded_date, st.integers(0, 23), st.integers(0, 59)),
    date_like,
)
OPTIONS = {
    "integer": (field("integer"), number_like),
    "integer, not bare": (field("integer", bareNumber=False), decorated),
    "year": (field("year"), st.one_of(number_like, digits)),
    "number": (field("number"), number_like),
    "number, decimal comma": (field("number", decimalChar=",", groupChar="."), number_like),
    "number, grouped": (field("number", groupChar=","), number_like),
    "number, not bare": (field("number", bareNumber=False), decorated),
    "number, all": (field("number", bareNumber=False, decimalChar=",", groupChar="."), decorated),
    "boolean": (field("boolean"), st.sampled_from(["true", "True", "TRUE", "1", "0", "false", "yes", " true", "tRUE", "2"])),
    "boolean, own words": (field("boolean", trueValues=["y"], falseValues=["n", "N"]), st.sampled_from(["y", "Y", "n", "N", "true"])),
    "string": (field("string"), st.text(max_size=5)),
    "date": (field("date"), st.one_of(date_like, datetime_like)),
    "date, German": (field("date", format="%d.%m.%Y"), st.builds("{}.{}.{}".format, st.integers(0, 32), st.integers(0, 13), st.integers(0, 3000))),
    "datetime": (field("datetime"), datetime_like),
    "datetime, American": (field("datetime", format="%m/%d/%Y %H:%M"), st.builds("{:02}/{:02}/2013 {}:{}".format, st.integers(0, 13), st.integers(0, 32), st.integers(0, 25), st.integers(0, 61))),
}  # fmt: skip
MISSING = st.sampled_from([[""], ["", "NA"], [], ["0", "-"]])


def is_known_difference(text: str, column: Field, theirs) -> bool:
    """Whether we refuse, on purpose, what frictionless takes."""
    if not column.bareNumber and re.match(rf"[^0-9]*{re.escape(column.decimalChar)}[0-9]", text):
        return True  # of `$.5` frictionless makes 5
    match column.type:
        case "integer":  # Python's own 1_000 and \u0661; more than 64 bits
            return "_" in text or not text.isascii() or not -(2**63) <= theirs < 2**63
        case "year":  # ` 13`, `+013` and `1_13` have four characters, too
            return not text.isdecimal()
        case "number":  # NaN means missing, and says so in missingValues; nothing can be done with infinity
            return "_" in text or not text.isascii() or not math.isfinite(theirs)
        case "datetime":  # the standard's mark of UTC is a capital
            return text.endswith("z")
    return False


@pytest.mark.parametrize("name", OPTIONS)
@settings(max_examples=30)
@given(data=st.data(), missing=MISSING)
def test_text_is_read_as_frictionless_reads_it(name, data, missing):
    column, texts = OPTIONS[name]
    values = data.draw(st.lists(texts, min_size=10, max_size=20))
    for text, ours in zip(values, read(values, column, missing, pa.string()), strict=True):
        theirs = read_by_frictionless(text, column, missing)
        if ours == "unreadable" != theirs and is_known_difference(text, column, theirs):
            continue
        assert (text, ours) == (text, theirs)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (field("integer"), "1_000"),
        (field("integer"), "\u0661"),
        (field("integer"), "9223372036854775808"),
        (field("year"), "+013"),
        (field("number"), "NaN"),
        (field("number"), "-INF"),
        (field("number"), "1e999"),
        (field("number", bareNumber=False), "$.5"),
        (field("datetime"), "2013-01-01T00:00:00z"),
        (field("datetime"), "9999-12-31T23:59:59-05:00"),  # is in the year 10,000 by UTC
        (field("datetime"), "2013-W01-2T10:00:00"),  # weeks, noon as 12,0 and the like: valid, but in nobody's files
        (field("datetime"), "2013-01-01T24:00:00"),
        (field("datetime"), "2013-01-01x10:00:00"),
    ],
)
def test_what_frictionless_takes_and_we_refuse(column, text):
    assert read([text], column) == ["unreadable"]
    assert read_by_frictionless(text, column) != "unreadable"


def test_grouped_integers_are_read_as_the_standard_says_though_frictionless_does_not_yet():
    assert read(["1,234"], field("integer", groupChar=",")) == [1234]
    assert read_by_frictionless("1,234", field("integer", groupChar=",")) == "unreadable"


@given(st.lists(st.text(max_size=10), max_size=20), st.sampled_from([column for column, _ in OPTIONS.values()]))
def test_any_text_is_a_value_or_missing_or_unreadable(texts, column):
    cells = read(texts, column, ["", "NA"], pa.string())
    assert [cell is None for cell in cells] == [text in ("", "NA") for text in texts]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_keep_every_digit(numbers):
    assert read([str(number) for number in numbers], field("integer")) == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_the_nearest_of_64_bits(numbers):
    assert read([repr(number) for number in numbers], field("number")) == numbers


# --- what is said of single cases -------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", DTYPES)
def test_a_column_that_is_all_missing_has_the_dtype_of_its_type(type_):
    assert read(["", ""], field(type_), type_=pa.string()) == [None, None]
    assert read([None, None], field(type_), type_=pa.null()) == [None, None]
    assert read([], field(type_), type_=pa.string()) == []


def test_times_with_a_zone_become_utc_whatever_stands_beside_them():
    texts = ["2013-01-01T00:00:00+02:00", "2013-01-01 00:00:00", "2013-01-01T00:00:00.1234567-0530"]
    assert [str(time) for time in read(texts, field("datetime"))] == [
        "2012-12-31 22:00:00",
        "2013-01-01 00:00:00",
        "2013-01-01 05:30:00.123456",
    ]


def test_a_time_with_nanoseconds_does_not_shorten_the_calendar():
    times = read(["0001-01-01T00:00:00", "2013-01-01T00:00:00.123456789"], field("datetime"))
    assert [str(time) for time in times] == ["0001-01-01 00:00:00", "2013-01-01 00:00:00.123456"]


def test_a_date_in_a_format_with_a_clock_loses_the_clock():
    assert read(["31.01.2013 15:30"], field("date", format="%d.%m.%Y %H:%M")) == [pd.Timestamp("2013-01-31")]


# --- typed values, as Parquet has them --------------------------------------------------------------------------------

UTC = pa.timestamp("us", tz="UTC")
AN_HOUR = datetime.datetime(2013, 1, 31, 1)
TYPED = [
    ("integer", pa.int8(), [1, None], [1, None]),
    ("integer", pa.uint32(), [2**32 - 1], [2**32 - 1]),
    ("integer", pa.uint64(), [5, 2**63], [5, "unreadable"]),
    ("integer", pa.float64(), [5.0, 5.5, None], [5, "unreadable", None]),
    ("integer", pa.float32(), [16777216.0, math.inf, 1e20], [16777216, "unreadable", "unreadable"]),
    ("integer", pa.decimal128(5, 2), [decimal.Decimal("5.00"), decimal.Decimal("5.01")], [5, "unreadable"]),
    ("integer", pa.bool_(), [True], ["unreadable"]),
    ("year", pa.int32(), [2013, -1, 10000], [2013, "unreadable", "unreadable"]),
    ("number", pa.int64(), [2**53 + 1], [2.0**53]),
    ("number", pa.float32(), [0.5, None], [0.5, None]),
    ("number", pa.float16(), [0.5], [0.5]),
    ("number", pa.decimal128(5, 2), [decimal.Decimal("5.01")], [5.01]),
    ("number", pa.bool_(), [True], ["unreadable"]),
    ("boolean", pa.bool_(), [True, False, None], [True, False, None]),
    ("string", pa.large_string(), ["a", "", None], ["a", None, None]),
    ("string", pa.string_view(), ["a", ""], ["a", None]),
    ("date", pa.date32(), [datetime.date(2013, 1, 31), None], [pd.Timestamp("2013-01-31"), None]),
    ("date", pa.timestamp("ns"), [AN_HOUR, AN_HOUR.replace(hour=0)], ["unreadable", pd.Timestamp("2013-01-31")]),
    ("datetime", pa.timestamp("s"), [AN_HOUR, None], [pd.Timestamp(AN_HOUR), None]),
    ("datetime", UTC, [AN_HOUR], [pd.Timestamp(AN_HOUR)]),
    ("datetime", pa.timestamp("ns", tz="America/New_York"), [AN_HOUR.replace(tzinfo=datetime.UTC)], [pd.Timestamp(AN_HOUR)]),
    ("datetime", pa.date32(), [datetime.date(2013, 1, 31)], ["unreadable"]),
    ("datetime", pa.int64(), [20130131], ["unreadable"]),
    ("string", pa.list_(pa.int64()), [[1, 2], None], ["unreadable", None]),
    ("number", pa.struct([("a", pa.int64())]), [{"a": 1}, None], ["unreadable", None]),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "arrow", "values", "expected"), TYPED)
def test_typed_values_are_converted_as_frictionless_does(type_, arrow, values, expected):
    assert read(values, field(type_), type_=arrow) == expected
    if arrow not in (UTC, pa.uint64(), pa.float32(), pa.float16()) and values != [2**53 + 1]:  # more or fewer bits
        values = pa.array(values, arrow).to_pylist()
        assert [read_by_frictionless(value, field(type_)) for value in values] == expected


@pytest.mark.parametrize(("type_", "arrow", "values", "expected"), TYPED)
def test_a_column_that_is_called_typed_has_no_unreadable_value(type_, arrow, values, expected):
    if is_typed(arrow, field(type_)):
        assert "unreadable" not in expected


@pytest.mark.parametrize(
    ("type_", "value", "text"), [("string", 150, "150"), ("string", True, "true"), ("boolean", 1, True), ("date", 20130131, pd.Timestamp("2013-01-31"))]
)  # fmt: skip
def test_a_value_of_another_kind_is_read_as_its_text_which_frictionless_refuses(type_, value, text):
    """Else nobody could clean a column of which some values came as numbers: rules act on what could be read."""
    column = field(type_, format="%Y%m%d") if type_ == "date" else field(type_)
    assert read([value], column) == [text]
    assert read_by_frictionless(value, column) == "unreadable"


def test_bytes_are_read_as_text_where_they_are():
    assert read([b"a", None], field("string"), type_=pa.binary()) == ["a", None]
    assert read([b"a", b"\xff", None], field("string"), type_=pa.binary()) == ["unreadable", "unreadable", None]


def test_dictionary_columns_are_their_values():
    values = pa.chunked_array([pa.array(["a", "", None]).dictionary_encode(), pa.array(["b"]).dictionary_encode()])
    series, bad = cast(values, field("string"), [""])
    assert [None if pd.isna(cell) else cell for cell in series] == ["a", None, None, "b"]
    assert not bad.any()
    assert is_typed(values.type, field("string"))


@pytest.mark.parametrize(("arrow", "value"), [(pa.int64(), -999), (pa.float64(), -999.0)])
def test_a_number_that_is_written_like_a_missing_value_is_one(arrow, value):
    assert read([value, 1], field("number"), ["", "-999"], arrow) == [None, 1.0]
    assert read([value, 1], field("integer"), ["", "-999.0"], arrow) == [None, 1]


# --- constraints ------------------------------------------------------------------------------------------------------

VERSION_2 = "https://datapackage.org/profiles/2.0/tableschema.json"  # exclusiveMinimum is new there
ISO_DATE = st.dates(datetime.date(2013, 1, 1), datetime.date(2013, 1, 5)).map(str)
CONSTRAINED = {
    "integer": (st.integers(-3, 3), st.one_of(st.integers(-3, 3).map(str), st.just(""))),
    "number": (st.sampled_from([-1, -0.5, 0, 0.5, 1]), st.sampled_from(["", "-1", "-0.5", "0", "0.5", "1e0"])),
    "year": (st.integers(2012, 2015), st.sampled_from(["", "2012", "2013", "2014"])),
    "date": (ISO_DATE, st.one_of(ISO_DATE, st.just(""))),
    "datetime": (ISO_DATE.map("{}T00:00:00".format), st.one_of(ISO_DATE.map("{} 00:00:00".format), st.just(""))),
    "boolean": (st.booleans(), st.sampled_from(["true", "0", ""])),
    "string": (st.text("ab ", max_size=3), st.text("abc ", max_size=4)),
}
PATTERNS = ["a*", "[ab]+", "(a|b)c?", ".", r"\w+", "(?=a).+", "a{2}", "(?i:A.*)"]


@pytest.mark.parametrize("type_", CONSTRAINED)
@settings(max_examples=40)
@given(data=st.data())
def test_constraints_are_judged_as_frictionless_judges_them(type_, data):
    bounds, texts = CONSTRAINED[type_]
    rules = {"required": st.booleans(), "enum": st.lists(bounds, min_size=1, max_size=3)}
    if type_ == "string":
        rules |= {"pattern": st.sampled_from(PATTERNS), "minLength": st.integers(0, 4), "maxLength": st.integers(0, 4)}
    elif type_ != "boolean":
        rules |= dict.fromkeys(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], bounds)
    name = data.draw(st.sampled_from(sorted(rules)))
    column = field(type_, constraints={name: data.draw(rules[name])})
    cells = data.draw(st.lists(texts, min_size=5, max_size=10))
    values, bad = cast(pa.chunked_array([pa.array(cells, pa.string())]), column, [""])
    assert not bad.any()
    broken = [mask.tolist() for _, mask in broken_constraints(values, column)] or [[False] * len(cells)]
    schema = Schema.from_descriptor({"$schema": VERSION_2, "fields": [column.model_dump(exclude_unset=True)]})
    theirs = [name in (schema.fields[0].read_cell(cell)[1] or {}) for cell in cells]
    assert broken == [theirs]


@pytest.mark.parametrize(
    ("pattern", "text", "ours"),
    [("a|bc", "ac", True), ("a", "a\n", True)],  # frictionless reads ^a|bc$, and $ before a newline
)
def test_a_pattern_means_the_whole_text_though_frictionless_sees_it_less_strictly(pattern, text, ours):
    column = field("string", constraints={"pattern": pattern})
    [(_, mask)] = broken_constraints(pd.Series([text], dtype="str"), column)
    assert mask.tolist() == [ours]
    assert (
        Schema.from_descriptor({"$schema": VERSION_2, "fields": [column.model_dump(exclude_unset=True)]})
        .fields[0]
        .read_cell(text)[1]
        is None
    )


def test_a_missing_value_breaks_nothing_but_required():
    column = field("number", constraints={"required": True, "minimum": 0, "maximum": 1, "enum": [0.5]})
    broken = dict(broken_constraints(pd.Series([None, 0.5], dtype="float64"), column))
    assert {words: mask.tolist() for words, mask in broken.items() if mask.any()} == {
        "is missing, but required": [True, False]
    }
