"""Cells that break the contract's constraints: counted all, the first ten shown, personal values masked."""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from pipeline.casting import TIMES, cast
from pipeline.contract import Field
from pipeline.errors import ProjectError

SHOWN = 10
LONGEST = 60  # characters of a value in a message
LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
LENGTHS = ("pattern", "minLength", "maxLength")


@dataclass(frozen=True)
class Violations:
    """Cells of one part that break the contract: how many, and the first of them in words."""

    count: int
    first: list[tuple[int, str]]


def find_violations(
    frame: pd.DataFrame,
    fields: Iterable[Field],
    first_row: int,
    unreadable: Mapping[str, tuple[pd.Series, pa.ChunkedArray]] | None = None,
) -> Violations:
    """Find the cells of some rows that break the contract.

    Args:
        frame: rows, shape (n, …).
        first_row: the number of the first of them, for the message.
        unreadable: column -> (mask of the cells that have no value of the column's type, the cells as they came).
    """
    unreadable = unreadable or {}
    count = 0
    first: list[tuple[int, str]] = []
    for field in fields:
        values: Any = frame[field.name].array
        broken = [(words, mask, values) for words, mask in broken_constraints(frame[field.name], field)]
        if field.name in unreadable:
            bad, raw = unreadable[field.name]
            broken = [(f"is no {field.type}", bad, raw), *((words, mask & ~bad, v) for words, mask, v in broken)]
        for words, mask, cells in broken:
            count += int(mask.sum())
            for position in map(int, mask.to_numpy().nonzero()[0][:SHOWN]):
                row = first_row + position
                first.append((row, f"row {row}, {field.name}: {_shown(cells[position], field)}{words}"))
    return Violations(count, sorted(first)[:SHOWN])


def _shown(value: Any, field: Field) -> str:
    """A value in one short line; nothing where there is none."""
    value = value.as_py() if isinstance(value, pa.Scalar) else value
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    text = re.sub(r"[\x00-\x1f\x7f]", lambda match: repr(match[0])[1:-1], str(value))
    return "••• " if field.personal else f"`{text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}` "


def refuse(found: Iterable[Violations], where: str, remedy: str) -> None:
    """Raise a ProjectError if anything was found."""
    found = list(found)
    count = sum(violations.count for violations in found)
    if count:
        shown = [words for violations in found for _, words in violations.first][:SHOWN]
        cells = "1 value breaks" if count == 1 else f"{count} values break"
        head = f"{cells} contract.yaml" + (f"; the first {len(shown)}" if count > len(shown) else "")
        raise ProjectError(where, head + ":\n  " + "\n  ".join(shown), remedy)


def broken_constraints(values: pd.Series, field: Field) -> Iterator[tuple[str, pd.Series]]:
    """Find the cells that break a column's constraints; a missing value breaks only `required`.

    Yields:
        What is wrong, as words that follow the value, and a boolean mask of shape (n,).
    """
    rule, missing = field.constraints, values.isna()
    if rule.required:
        yield "is missing, but required", missing
    if rule.enum is not None:
        allowed = [bound(value, field) for value in rule.enum]
        yield f"is none of {', '.join(map(str, rule.enum[:SHOWN]))}", ~values.isin(allowed) & ~missing
    limits = {
        "minimum": (values.lt, "is under the minimum"),
        "maximum": (values.gt, "is over the maximum"),
        "exclusiveMinimum": (values.le, "is not over"),
        "exclusiveMaximum": (values.ge, "is not under"),
    }
    for name, (breaks, words) in limits.items():
        limit = getattr(rule, name)
        if limit is not None:
            yield f"{words} {limit}", breaks(bound(limit, field)).fillna(False).astype(bool)
    if rule.pattern is not None:
        yield f"does not match {rule.pattern}", ~values.str.fullmatch(rule.pattern).astype(bool) & ~missing
    if rule.minLength is not None:
        yield f"is shorter than {rule.minLength}", (values.str.len() < rule.minLength).fillna(False).astype(bool)
    if rule.maxLength is not None:
        yield f"is longer than {rule.maxLength}", (values.str.len() > rule.maxLength).fillna(False).astype(bool)


def has_constraints(field: Field) -> bool:
    """Whether a column has constraints that look at single cells."""
    return bool(field.constraints.model_fields_set - {"unique"})


def bound(value: Any, field: Field, where: str = "contract.yaml") -> Any:
    """A constraint's value in the dtype of its column; a text is read as a cell of the column would be.

    Raises:
        ProjectError: the value is of another kind than the column.
    """
    times = field.type in TIMES
    if isinstance(value, str):
        default = {"format": "default"}  # in which data/schema holds a time
        forms = [field, field.model_copy(update=default), field.model_copy(update={"type": "date", **default})]
        for form in forms if times else forms[:1]:
            read, _ = cast(pa.chunked_array([[value]]), form, [])
            if pd.notna(read[0]):
                return read[0]
    elif times and isinstance(value, datetime.date):
        time = pd.Timestamp(value)
        return time.tz_convert(None) if time.tz else time
    elif isinstance(value, bool):
        if field.type == "boolean":
            return value
    elif isinstance(value, int | float) and field.type in ("integer", "number", "year") and value == value:
        return value
    raise ProjectError(where, f"found {value!r}, but the type of `{field.name}` is {field.type}")


def check_field(field: Field, where: str) -> None:
    """Check what a schema can't say: patterns that compile, formats that can be read, bounds of the column's kind.

    Raises:
        ProjectError: the first mistake.
    """
    rule, times = field.constraints, field.type in TIMES
    refused = [] if field.type == "string" else [*LENGTHS]
    refused += LIMITS if field.type in ("string", "boolean") else []
    for name in refused:
        if getattr(rule, name) is not None:
            raise ProjectError(f"{where}.constraints.{name}", f"a column of type {field.type} cannot have it")
    for name in (*LIMITS, "enum"):
        value = getattr(rule, name)
        for each in value or () if name == "enum" else [value]:
            if each is not None:
                bound(each, field, f"{where}.constraints.{name}")
    if rule.pattern is not None:
        try:
            re.compile(f"^{rule.pattern}$")
        except re.error as exc:
            raise ProjectError(f"{where}.constraints.pattern", f"not a regular expression: {exc}") from None
    if field.type == "number" and field.decimalChar == field.groupChar:
        raise ProjectError(where, f"decimalChar and groupChar are both `{field.groupChar}`")
    if both := set(field.trueValues) & set(field.falseValues):
        raise ProjectError(where, f"`{min(both)}` is among trueValues and falseValues")
    if field.format == "default":
        return
    if not times or "%" not in field.format:
        remedy = "Write the pattern, such as %d.%m.%Y." if times else "Use `default`, and a constraint like `pattern`."
        raise ProjectError(f"{where}.format", f"`{field.format}` is not supported", remedy)
    if field.type == "date" and "%z" in field.format:
        raise ProjectError(f"{where}.format", "a date has no zone", "Use the type datetime.")
    try:
        pd.to_datetime(pd.Series([""]), format=field.format, errors="coerce")
    except ValueError as exc:
        raise ProjectError(f"{where}.format", f"not a pattern of times: {exc}", "Write %d.%m.%Y, for one.") from None
