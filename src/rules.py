"""The cleaning rules that params.yaml can name. Change them, add your own: a rule is a function with a phase.

A rule takes a table and, by keyword, its options; the type hint `Column` says that an option names a column (in
params.yaml it may list several: the rule then looks at each), `Columns` that it names a set of them. Missing values are
not judged unless the rule says so. What needs a whole column (a quantile, a median) is measured by the function named
after `measure=` and arrives as `measured`.
"""

import datetime
import re
import sys
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.cleaning import blank, fill, reject, repair
from pipeline.errors import ProjectError
from pipeline.expressions import evaluate
from pipeline.keys import repeated_rows
from pipeline.params import Column, Columns, Expression, Value

# --- repair: change what is written wrongly ---------------------------------------------------------------------------


@repair
def parse_number(
    table: pd.DataFrame,
    *,
    column: Column,
    decimal: str = ".",
    thousands: str = "",
    units: dict[str, float] | None = None,
) -> pd.Series:
    """Read numbers out of text; what cannot be read becomes missing and is counted as changed.

    Args:
        decimal, thousands: the characters that mark decimals and groups of digits (three of them, or 12,34,567).
        units: unit, as written before or after the number -> factor to the column's unit, such as {g: 1, kg: 1000};
            a unit that is not listed cannot be read.
    """
    text = _text(table, column)
    if not decimal or decimal == thousands:
        raise ProjectError("decimal", f"found {decimal!r}, which cannot mark decimals beside thousands: {thousands!r}")
    point, group = re.escape(decimal), r"\s" if thousands.isspace() else re.escape(thousands)
    whole = rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+" if thousands else "[0-9]+"
    number = rf"[+-]?(?:(?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    parts = text.str.extract(rf"(?s)^([^0-9+\-.,]*)({number})([^0-9].*)?$")
    digits = parts[1].str.replace(group, "", regex=True) if thousands else parts[1]
    values = digits.str.replace(decimal, ".", regex=False).astype("float64")
    unit = parts[0].str.strip() + parts[2].fillna("").str.strip()
    values *= unit.map({"": 1.0} | (units or {})).astype("float64")
    return values.where(np.isfinite(values))


@repair
def parse_time(table: pd.DataFrame, *, column: Column, formats: list[str]) -> pd.Series:
    """Read times out of text by the first of several formats that fits (such as `%d.%m.%Y`); none fits: missing.

    Times with a zone are converted to UTC.
    """
    text = _text(table, column).str.strip()
    times = pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
    for form in formats:
        read = pd.to_datetime(text.where(times.isna()), format=form, errors="coerce", utc=True)
        times = times.fillna(read.dt.tz_localize(None).astype("datetime64[us]"))
    return times


@repair
def normalise_text(
    table: pd.DataFrame, *, column: Column, case: Literal["as_is", "lower", "upper", "fold"] = "as_is"
) -> pd.Series:
    """Trim text, make one space of several, and bring it to one case; empty text becomes missing."""
    text = _text(table, column).str.replace(r"\s+", " ", regex=True).str.strip()
    cased = {"lower": text.str.lower, "upper": text.str.upper, "fold": text.str.casefold}.get(case, lambda: text)()
    return cased.where(cased != "")


@repair
def replace(table: pd.DataFrame, *, column: Column, values: dict[Value, Value | None]) -> pd.Series:
    """Replace wrong values by right ones, such as {N/K: null, Newark: EWR}; null makes a value missing."""
    old = new = table[column]
    for wrong, right in values.items():
        hit = (old == _same_kind(wrong, old)).fillna(False).astype(bool)
        new = new.mask(hit, np.nan if right is None else _same_kind(right, old))
    return new


# --- reject: take out rows --------------------------------------------------------------------------------------------


@reject
def drop_missing(table: pd.DataFrame, *, column: Column) -> pd.Series:
    """Rows without a value."""
    return table[column].isna()


@reject
def drop_outside(
    table: pd.DataFrame, *, column: Column, min: Value | None = None, max: Value | None = None
) -> pd.Series:
    """Rows whose value is under min or over max."""
    return _outside(table[column], **_limits(table[column], min, max))


@np.errstate(over="ignore", invalid="ignore")  # what leaves the range of numbers is no bound
def measure_outliers(
    table: pd.DataFrame,
    *,
    column: str,
    method: Literal["quantile", "iqr", "zscore"],
    factor: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> dict[str, float | None]:
    """Bounds beyond which a value is an outlier, as {"min": …, "max": …}.

    quantile: the values at the shares `lower` and `upper`; iqr: `factor` (1.5) interquartile ranges beyond the
    quartiles (Tukey, Exploratory Data Analysis, 1977); zscore: `factor` (3) standard deviations around the mean.
    """
    values = _numbers(table, column)
    if method == "quantile":
        if factor is not None:
            raise ProjectError("factor", "the method `quantile` has none", "Give `lower` or `upper`.")
        _check_shares(lower, upper)
        shares = {"min": lower, "max": upper}
        return {side: None if share is None else _finite(values.quantile(share)) for side, share in shares.items()}
    if lower is not None or upper is not None:
        problem = f"`lower` and `upper` are for the method `quantile`, not for `{method}`"
        raise ProjectError("method", problem, "Give `factor`.")
    if factor is not None and not factor > 0:
        raise ProjectError("factor", f"found {factor:g}, expected a number over 0")
    if method == "iqr":
        first, third = values.quantile(0.25), values.quantile(0.75)
        reach = (1.5 if factor is None else factor) * (third - first)
        return {"min": _finite(first - reach), "max": _finite(third + reach)}
    middle, reach = values.mean(), (3.0 if factor is None else factor) * values.std()
    return {"min": _finite(middle - reach), "max": _finite(middle + reach)}


def _check_shares(lower: float | None, upper: float | None) -> None:
    given = [share for share in (lower, upper) if share is not None]
    if not given or not all(0 <= share <= 1 for share in given) or given != sorted(given):
        found = f"found lower: {lower}, upper: {upper}"
        raise ProjectError("", f"{found}, expected shares from 0 to 1, the lower one first, or one of them")


@reject(measure=measure_outliers)
def drop_outliers(
    table: pd.DataFrame,
    *,
    column: Column,
    method: Literal["quantile", "iqr", "zscore"],
    factor: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
    measured: dict[str, float | None],
) -> pd.Series:
    """Rows whose value is an outlier of its column; see measure_outliers."""
    return _outside(table[column], **measured)


def measure_duplicates(
    table: pd.DataFrame, *, columns: list[str] | str, keep: Literal["first", "last", "none"] = "first"
) -> dict[str, Any]:
    """The numbers of the rows that repeat another row's values."""
    return {"rows": repeated_rows(table[_listed(columns)], keep)}


@reject(measure=measure_duplicates)
def drop_duplicates(
    table: pd.DataFrame,
    *,
    columns: Columns,
    keep: Literal["first", "last", "none"] = "first",
    measured: dict[str, Any],
) -> pd.Series:
    """Rows that repeat the values of another in `columns`; keep the first or last of them in the source, or none.

    Two missing values count as the same value, as in SQL's DISTINCT.
    """
    return pd.Series(np.isin(table.index.to_numpy(), measured["rows"]), index=table.index)


@reject
def keep_where(table: pd.DataFrame, *, where: Expression) -> pd.Series:
    """Rows outside the subset of interest: those for which an expression is false, or cannot be told."""
    inside = evaluate(where, table, "where")
    if inside.dtype != "boolean":
        raise ProjectError("where", f"`{where}` is neither true nor false", "Compare it with something: x > 0.")
    return ~inside.fillna(False).astype(bool)


@reject
def keep_sample(table: pd.DataFrame, *, share: float, seed: int = 0) -> pd.Series:
    """All rows but a random sample. A row's fate hangs on its number, so it stays the same as data are appended."""
    if not 0 < share <= 1:
        raise ProjectError("share", f"found {share:g}, expected a share over 0 and up to 1")
    offset = np.array([seed * 0x9E3779B97F4A7C15 % 2**64], dtype="uint64")  # splitmix64: far apart for each seed
    draw = pd.util.hash_array(table.index.to_numpy().astype("uint64") + offset)
    return pd.Series((draw >> np.uint64(11)) / 2.0**53 >= share, index=table.index)


# --- blank or clip: change cells that cannot be right -----------------------------------------------------------------


@blank
def blank_outside(
    table: pd.DataFrame, *, column: Column, min: Value | None = None, max: Value | None = None
) -> pd.Series:
    """Make values under min or over max missing, and keep the row."""
    return table[column].mask(_outside(table[column], **_limits(table[column], min, max)))


@blank(measure=measure_outliers)
def blank_outliers(
    table: pd.DataFrame,
    *,
    column: Column,
    method: Literal["quantile", "iqr", "zscore"],
    factor: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
    measured: dict[str, float | None],
) -> pd.Series:
    """Make outliers missing, and keep the row; see measure_outliers."""
    return table[column].mask(_outside(table[column], **measured))


@blank
def clip(table: pd.DataFrame, *, column: Column, min: Value | None = None, max: Value | None = None) -> pd.Series:
    """Set values under min to min, and values over max to max."""
    values, limits = table[column], _limits(table[column], min, max)
    same = {side: None if limit is None else _same_kind(limit, values) for side, limit in limits.items()}
    return values.clip(same["min"], same["max"])


# --- fill: what is still missing --------------------------------------------------------------------------------------


@fill
def fill_constant(table: pd.DataFrame, *, column: Column, value: Value) -> pd.Series:
    """Fill missing values with a constant."""
    return table[column].fillna(_same_kind(value, table[column]))


def measure_median(table: pd.DataFrame, *, column: str, by: str | list[str] | None = None) -> Any:
    """The column's median, or group -> median; of whole numbers a whole number (halves go to the even one)."""
    values = _numbers(table, column)
    medians = values.groupby(_groups(table, by)).median().dropna() if by else pd.Series([values.median()]).dropna()
    if table[column].dtype == "Int64":
        medians = medians.round().astype("int64")
    return medians.to_dict() if by else next(iter(medians.tolist()), None)


@fill(measure=measure_median)
def fill_median(table: pd.DataFrame, *, column: Column, by: Columns | None = None, measured: Any) -> pd.Series:
    """Fill missing values with the median of the column, or of the row's group; with none, they stay missing.

    The median is taken over all rows, those of the later test part among them: for a model's input prefer
    `train.impute`, which looks at the training part only.
    """
    return _fill(table, column, by, measured)


def measure_mode(table: pd.DataFrame, *, column: str, by: str | list[str] | None = None) -> Any:
    """The column's most frequent value (the smallest of them if there are several), or group -> that value."""
    groups = _groups(table, by) if by else pd.Series("", index=table.index, dtype="str")
    counts = pd.DataFrame({"group": groups, "value": table[column]}).dropna().groupby(["group", "value"]).size()
    counts = counts.rename("count").reset_index()
    counts = counts.sort_values(["group", "count", "value"], ascending=[True, False, True]).drop_duplicates("group")
    modes = dict(zip(counts["group"].tolist(), counts["value"].tolist(), strict=True))
    return modes if by else modes.get("")


@fill(measure=measure_mode)
def fill_mode(table: pd.DataFrame, *, column: Column, by: Columns | None = None, measured: Any) -> pd.Series:
    """Fill missing values with the most frequent value of the column, or of the row's group; see fill_median."""
    return _fill(table, column, by, measured)


def measure_missing(table: pd.DataFrame, *, column: str, more_than: float) -> float | None:
    """The share of missing values."""
    if not 0 <= more_than < 1:
        raise ProjectError("more_than", f"found {more_than:g}, expected a share from 0 to under 1")
    return _finite(table[column].isna().mean())


@fill(measure=measure_missing)
def drop_column_missing(
    table: pd.DataFrame, *, column: Column, more_than: float, measured: float | None
) -> pd.Series | None:
    """Drop a column if more than a share of its values is missing."""
    return None if measured is not None and measured > more_than else table[column]


# --- what they share --------------------------------------------------------------------------------------------------

HOLDS = {"Int64": "whole numbers", "float64": "numbers", "str": "text", "boolean": "true or false"}


def _holds(values: pd.Series) -> str:
    return f"the column `{values.name}` holds {HOLDS.get(str(values.dtype), 'times')}"


def _text(table: pd.DataFrame, column: str) -> pd.Series:
    if table[column].dtype != "str":
        raise ProjectError("", f"this rule reads text, but {_holds(table[column])}")
    return table[column]


def _numbers(table: pd.DataFrame, column: str) -> pd.Series:
    if str(table[column].dtype) not in ("Int64", "float64"):
        raise ProjectError("", f"this rule measures numbers, but {_holds(table[column])}")
    return table[column].astype("float64")


def _same_kind(value: Value, values: pd.Series) -> Any:
    """A value of params.yaml as one of a column's, or a ProjectError where it cannot be one."""
    dtype = str(values.dtype)
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if (dtype == "str" and isinstance(value, str)) or (dtype == "boolean" and isinstance(value, bool)):
        return value
    if dtype == "Int64" and number and value == int(value) and -(2**63) <= value < 2**63:
        return int(value)
    if dtype == "float64" and number:
        return float(value)
    if dtype == "datetime64[us]" and isinstance(value, str | datetime.date):
        try:
            time = pd.Timestamp(datetime.datetime.fromisoformat(value) if isinstance(value, str) else value)
        except ValueError:
            time = pd.NaT
        if time is not pd.NaT:
            return time.tz_convert(None) if time.tz else time
    raise ProjectError("", f"found {value!r}, but {_holds(values)}")


def _limits(values: pd.Series, min: Value | None, max: Value | None) -> dict[str, Any]:
    """The bounds min and max in a column's kind, of which one at least is given."""
    if str(values.dtype) in ("str", "boolean"):
        raise ProjectError("", f"bounds are for numbers and times, but {_holds(values)}")
    if min is None and max is None:
        raise ProjectError("", "neither `min` nor `max` is given")
    empty = values.head(0)
    like = empty.astype("float64") if empty.dtype == "Int64" else empty  # 0.5 may bound whole numbers
    limits = {
        "min": None if min is None else _same_kind(min, like),
        "max": None if max is None else _same_kind(max, like),
    }
    if None not in limits.values() and limits["min"] > limits["max"]:
        raise ProjectError("", f"min ({min}) is over max ({max})")
    return limits


def _outside(values: pd.Series, min: Any = None, max: Any = None) -> pd.Series:
    outside = pd.Series(False, index=values.index)
    for limit, beyond in ((min, values.lt), (max, values.gt)):
        if limit is not None:
            outside |= beyond(limit).fillna(False).astype(bool)
    return outside


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _listed(columns: str | list[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else columns


def _groups(table: pd.DataFrame, by: str | list[str]) -> pd.Series:
    """A text a row that names its group, such as `UA, EWR`; missing where one of the values is."""
    names = [_names(table[column]) for column in _listed(by)]
    if len(names) > 1:  # so that (`a, b`, `c`) and (`a`, `b, c`) are two groups
        names = [name.str.replace(r"([\\,])", r"\\\1", regex=True) for name in names]
    groups = names[0]
    for name in names[1:]:
        groups = groups + ", " + name
    return groups


def _names(values: pd.Series) -> pd.Series:
    if values.dtype.kind == "M":  # astype would leave out midnight where all values of a part have it
        return values.map(pd.Timestamp.isoformat, na_action="ignore").astype("str")
    return (values + 0.0 if values.dtype.kind == "f" else values).astype("str").mask(values.isna())  # -0.0 is 0.0


def _fill(table: pd.DataFrame, column: str, by: str | list[str] | None, measured: Any) -> pd.Series:
    values = table[column]
    if by is None:
        return values if measured is None else values.fillna(measured)
    groups = _groups(table[values.isna()], by)
    return values.fillna(pd.Series([measured.get(group) for group in groups], index=groups.index, dtype=values.dtype))
