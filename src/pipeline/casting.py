"""Give raw values the types of the contract, as frictionless does; tests/test_casting.py lists the differences."""

import datetime
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from pipeline.contract import Field
from pipeline.tables import DTYPES, to_pandas

TEXT = pd.StringDtype(na_value=float("nan"))
TIMES = ("date", "datetime")
FIRST, LAST = (np.datetime64(limit, "us") for limit in (datetime.datetime.min, datetime.datetime.max))
LARGEST = 2**63  # whole numbers have 64 bits


def _is_text(kind: pa.DataType) -> bool:
    return kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind)


def _always_fits(kind: pa.DataType) -> bool:
    return kinds.is_integer(kind) and kind != pa.uint64()


# Types of a Parquet column of which every value is one of the contract's type.
TYPED: dict[str, Callable[[pa.DataType], bool]] = {
    "integer": _always_fits,
    "year": lambda kind: False,
    "number": lambda kind: kinds.is_floating(kind) or kinds.is_integer(kind) or kinds.is_decimal(kind),
    "boolean": kinds.is_boolean,
    "string": _is_text,
    "date": kinds.is_date,
    "datetime": kinds.is_timestamp,
}


def is_typed(kind: pa.DataType, field: Field) -> bool:
    """Whether no value of a Parquet column can fail to be read as the contract's type."""
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return kinds.is_null(kind) or TYPED[field.type](kind)


def cast(values: pa.ChunkedArray, field: Field, missing: list[str]) -> tuple[pd.Series, pd.Series]:
    """Parse text, or convert typed values, to the dtype of a contract column.

    A typed value of another kind (a number in a column of text) is read as the text that it is written as.

    Args:
        values: one column, shape (n,).
        missing: texts that mean "no value".

    Returns:
        The values, and whether a cell could not be read as its type; both of shape (n,).
    """
    values = _plain(values, missing)
    converted = _from_typed(values, field)
    if converted is not None:
        series = to_pandas(pa.table({"values": converted}))["values"].astype(DTYPES[field.type]).rename(None)
        return series, pd.Series(pc.and_(values.is_valid(), converted.is_null()).to_numpy())
    try:
        texts = values.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # nested values; bytes that are no text
        nothing = pd.Series(np.nan, index=range(len(values)), dtype="float64").astype(DTYPES[field.type])
        return nothing, pd.Series(values.is_valid().to_numpy())
    text = pd.Series(pd.array(_blank(texts, missing), dtype=TEXT))
    typed = _PARSERS[field.type](text, field)
    return typed, (typed.isna() & text.notna())


def convert(values: pa.ChunkedArray, field: Field, missing: list[str]) -> pa.ChunkedArray:
    """Convert a column of which is_typed holds, without leaving Arrow; see cast."""
    return _from_typed(_plain(values, missing), field)


def _plain(values: pa.ChunkedArray, missing: list[str]) -> pa.ChunkedArray:
    return _blank(values.cast(values.type.value_type) if kinds.is_dictionary(values.type) else values, missing)


def _blank(values: pa.ChunkedArray, missing: list[str]) -> pa.ChunkedArray:
    """Empty the cells that hold a text that means "no value", or a number that is written like one (-999)."""
    kind = values.type
    if kinds.is_string_view(kind):
        values, kind = values.cast(pa.string()), pa.string()
    listed: list = missing if _is_text(kind) else []
    if kinds.is_integer(kind) or kinds.is_floating(kind):
        listed = [float(text) for text in missing if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)]
    if not listed:
        return values
    compared = values if _is_text(kind) else values.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_in(compared, pa.array(listed, compared.type)), None, values)


def _from_typed(values: pa.ChunkedArray, field: Field) -> pa.ChunkedArray | None:
    """Convert values of a kindred type; null where one has no equal there. None: they are to be read as text."""
    kind, wanted = values.type, field.type
    if kinds.is_null(kind) or (wanted == "string" and _is_text(kind)):
        return values
    numeric = kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind)
    if wanted == "number" and numeric:
        return values.cast(pa.float64(), safe=False)
    if wanted in ("integer", "year") and numeric:
        return _whole(values, wanted)
    if wanted == "boolean" and kinds.is_boolean(kind):
        return values
    if wanted in TIMES and kinds.is_timestamp(kind):
        times = values.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us"))  # a zone's are UTC inside
        return times if wanted == "datetime" else pc.if_else(pc.equal(pc.floor_temporal(times), times), times, None)
    if wanted == "date" and kinds.is_date(kind):
        return values.cast(pa.timestamp("us"))
    return None


def _whole(values: pa.ChunkedArray, wanted: str) -> pa.ChunkedArray:
    if kinds.is_decimal(values.type):
        values = pc.if_else(pc.equal(pc.floor(values), values), values, None).cast(pa.float64(), safe=False)
    if kinds.is_floating(values.type):
        values = values.cast(pa.float64())
        fits = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), float(LARGEST)))
        values = pc.if_else(fits, values, None)
    elif values.type == pa.uint64():
        values = pc.if_else(pc.less(values, pa.scalar(LARGEST, pa.uint64())), values, None)
    whole = values.cast(pa.int64(), safe=False)
    if wanted == "year":
        whole = pc.if_else(pc.and_(pc.greater_equal(whole, 0), pc.less_equal(whole, 9999)), whole, None)
    return whole


def _matches(text: pd.Series, pattern: str) -> pd.Series:
    return text.str.fullmatch(pattern).fillna(False).astype(bool)


def _parse_integer(text: pd.Series, field: Field) -> pd.Series:
    text = _plain_number(text, field)
    digits = text.where(_matches(text, r"[+-]?[0-9]{1,40}")).str.removeprefix("+")
    long = (digits.str.len() > 18).fillna(False).astype(bool)
    if long.any():
        fits = [-LARGEST <= int(number) < LARGEST for number in digits[long]]
        digits = digits.drop(digits.index[long][~np.array(fits)]).reindex(digits.index)
    return digits.astype("Int64")


def _parse_year(text: pd.Series, field: Field) -> pd.Series:
    return text.where(_matches(text, r"[0-9]{4}")).astype("Int64")


def _parse_number(text: pd.Series, field: Field) -> pd.Series:
    text = _plain_number(text, field)
    if field.decimalChar != ".":
        text = text.where(~text.str.contains(".", regex=False, na=False))
        text = text.str.replace(field.decimalChar, ".", regex=False)
    number = _matches(text, r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
    values = text.where(number).str.removeprefix("+").astype("float64")
    return values.where(np.isfinite(values))  # 1e999 is beyond what 64 bits hold


def _plain_number(text: pd.Series, field: Field) -> pd.Series:
    text = text.str.strip()
    if not field.bareNumber:  # `1234 g` and `$ 5`: leave out what stands around the digits
        ambiguous = rf"^[^0-9]*{re.escape(field.decimalChar)}[0-9]"  # `$.5` would become 5
        text = text.where(~text.str.contains(ambiguous, regex=True, na=False))
        text = text.str.replace(r"^[^0-9-]*|[^0-9]*$", "", regex=True)
    if field.groupChar:
        text = text.str.replace(field.groupChar, "", regex=False).str.strip()
    return text


def _parse_boolean(text: pd.Series, field: Field) -> pd.Series:
    known = {**dict.fromkeys(field.trueValues, True), **dict.fromkeys(field.falseValues, False)}
    return text.map(known).astype("boolean")


DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
DATETIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"


def _parse_time(text: pd.Series, field: Field) -> pd.Series:
    form = field.format
    if form == "default":
        text = text.where(_matches(text, DATE if field.type == "date" else DATETIME))
        form = "%Y-%m-%d" if field.type == "date" else "ISO8601"
    if form == "ISO8601":  # with more digits pandas counts nanoseconds, and its calendar ends in 2262
        text = text.str.replace(r"(\.[0-9]{6})[0-9]+", r"\1", regex=True)
    times = pd.to_datetime(text, format=form, errors="coerce", utc=True)
    times = times.dt.tz_localize(None).astype(DTYPES["datetime"])
    times = times.where(times.between(FIRST, LAST))  # pandas counts on, Python's calendar ends
    return times.dt.floor("D") if field.type == "date" else times


_PARSERS: dict[str, Callable[[pd.Series, Field], pd.Series]] = {
    "integer": _parse_integer,
    "year": _parse_year,
    "number": _parse_number,
    "boolean": _parse_boolean,
    "date": _parse_time,
    "datetime": _parse_time,
    "string": lambda text, field: text,
}
