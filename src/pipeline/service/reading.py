"""From the body of a request to rows with the contract's types; whatever is wrong is told with its row and field."""

import csv
import io
import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.casting import LARGEST, cast
from pipeline.contract import Field
from pipeline.errors import nearest
from pipeline.service.inputs import Input, bounds_in_words
from pipeline.service.refusals import RefusedError, cell, refuse_cells
from pipeline.tables import to_pandas
from pipeline.violations import LONGEST, broken_constraints

MAX_ROWS = 50_000
MAX_BYTES = 16 << 20  # of a body
SPREAD = 8  # times as many bytes as a body a Parquet file may hold
JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
FORMS = {JSON: JSON, CSV: CSV, PARQUET: PARQUET, "application/x-parquet": PARQUET}
ARROW = {"integer": pa.int64(), "number": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}
KINDS = {"integer": {int, float}, "number": {int, float}, "string": {str}, "boolean": {bool}, "datetime": {str}}
A_KIND = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "datetime": "a time such as 2013-01-31T05:00:00, or a day",
}


@dataclass(frozen=True)
class Body:
    """What a caller sent.

    Attributes:
        table: the columns that are asked for, with the contract's types, shape (n, inputs).
        given: all that stood in a CSV (its rows, the header first) or Parquet file, to be given back; else None.
    """

    table: pd.DataFrame
    given: list[list[str]] | pa.Table | None = None


def read_body(content: bytes, form: str, inputs: Sequence[Input]) -> Body:
    """Read a body in one of the FORMS.

    Raises:
        RefusedError: not readable, too many rows, a column too many or too few, or cells that break the contract.
    """
    return {JSON: _read_json, CSV: _read_csv, PARQUET: _read_parquet}[form](content, inputs)


def _read_json(content: bytes, inputs: Sequence[Input]) -> Body:
    try:
        value = json.loads(content, parse_constant=_refuse_constant)
    except RecursionError:
        raise RefusedError(422, "The body is nested too deeply.") from None
    except ValueError as exc:  # not UTF-8, not JSON, a number of thousands of digits
        said = f"line {exc.lineno}, column {exc.colno}: {exc.msg}" if isinstance(exc, json.JSONDecodeError) else ""
        raise RefusedError(422, f"The body is not JSON{said and '; '}{said}.") from None
    if isinstance(value, dict) and set(value) == {"rows"} and isinstance(value["rows"], list):
        value = value["rows"]
    rows = value if isinstance(value, list) else [value]
    _check_count(len(rows))
    known = [each.name for each in inputs]
    errors = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            errors.append(cell(number, None, f"{_shown(row)} is no object with fields"))
        elif not row.keys() <= set(known):
            errors += [
                cell(number, _text(name), "no such field", nearest(_text(name), known, "fields"))
                for name in sorted(row.keys() - set(known))
            ]
    refuse_cells(errors)
    arrays, columns = {}, {}
    for each in inputs:
        values, wrong = _from_json([row.get(each.name) for row in rows], each)
        errors += wrong
        if each.field.type == "datetime":
            columns[each.name], wrong = _from_cells(pa.chunked_array([pa.array(values, pa.string())]), each, [])
            errors += wrong
        else:
            arrays[each.name] = pa.array(values, ARROW[each.field.type])
    columns |= dict(to_pandas(pa.table(arrays)).items())  # all at once: each call takes as long as many columns
    return Body(_checked(columns, inputs, errors))


def _refuse_constant(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is no number", name, 0)


def _from_json(values: list[Any], each: Input) -> tuple[list[Any], list[dict[str, Any]]]:
    """Values of one field as Arrow takes them; one of another kind is None in their place, and told."""
    kind, errors = each.field.type, []
    kinds = set(map(type, values)) - {type(None)}
    if not (kinds <= KINDS[kind] and _fit(values, kind)):
        checked = []
        for row, value in enumerate(values, 1):
            fits = value is None or (type(value) in KINDS[kind] and _fit([value], kind))
            checked.append(value if fits else None)
            if not fits:
                errors.append(cell(row, each.name, f"{_shown(value)} is not {A_KIND[kind]}", each.allowed))
        values = checked
    if kind == "integer" and float in kinds:
        values = [int(value) if isinstance(value, float) else value for value in values]
    if kind == "number" and int in kinds:
        values = [float(value) if isinstance(value, int) else value for value in values]
    if kind == "string" and _takes_any_text(each):  # elsewhere the schema of a row refuses them, and so do we
        values = [None if value in each.missing else value for value in values]
    return values, errors


def _takes_any_text(each: Input) -> bool:
    rule = each.field.constraints
    return rule.enum is None and rule.pattern is None and rule.minLength is None


def _fit(values: list[Any], kind: str) -> bool:
    """Whether values of the right Python types fit into a column: whole and of 64 bits, finite, text of Unicode."""
    known = [value for value in values if value is not None]
    try:
        if kind == "integer":
            return all(-LARGEST <= value < LARGEST and value == int(value) for value in known)
        if kind == "number":
            return all(math.isfinite(float(value)) for value in known)
        if kind in ("string", "datetime"):
            "".join(known).encode()
    except (OverflowError, ValueError):  # beyond 64 bits; half of a surrogate pair
        return False
    return True


def _read_csv(content: bytes, inputs: Sequence[Input]) -> Body:
    try:
        text = content.decode("utf-8-sig")
        lines = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), strict=True), MAX_ROWS + 2))
    except UnicodeDecodeError as exc:
        raise RefusedError(422, f"The body is not UTF-8 text (byte {exc.start}).") from None
    except csv.Error as exc:
        raise RefusedError(422, f"The body is not CSV: {exc}.") from None
    lines = [line for line in lines if line]
    if not lines:
        raise RefusedError(422, "The body is empty; a header with the names of the columns has to come first.")
    header, rows = lines[0], lines[1:]
    _check_columns(header, inputs)
    _check_count(len(rows))
    refuse_cells(
        [
            cell(number, None, f"has {len(row)} cells, the header {len(header)}")
            for number, row in enumerate(rows, 1)
            if len(row) != len(header)
        ]
    )
    columns, errors = {}, []
    for each in inputs:
        position = header.index(each.name)
        values = pa.chunked_array([pa.array([row[position] for row in rows], pa.string())])
        columns[each.name], wrong = _from_cells(values, each, [*each.missing, ""])
        errors += wrong
    return Body(_checked(columns, inputs, errors), lines)


def _read_parquet(content: bytes, inputs: Sequence[Input]) -> Body:
    """See read_body. A text that stands in a million rows takes its place once in the file, and once as it is read:
    what it would take in all is known before it is spread out."""
    try:
        schema = pq.read_schema(io.BytesIO(content))
        texts = [field.name for field in schema if _is_text(field.type)]
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts)
        _check_count(file.metadata.num_rows)
        _check_columns(schema.names, inputs)
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        _check_size(sum(group.column(n).total_uncompressed_size for group in groups for n in range(group.num_columns)))
        table = file.read(use_threads=False)
        _check_size(sum(map(_size, table.columns)))
        table = table.cast(schema)
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise RefusedError(422, "The body is not readable as Parquet.") from exc
    columns, errors = {}, []
    for each in inputs:
        columns[each.name], wrong = _from_cells(table[each.name], each, [*each.missing, ""])
        errors += wrong
    return Body(_checked(columns, inputs, errors), table)


def _size(column: pa.ChunkedArray) -> int:
    """Bytes that a column takes when each of its texts stands for itself."""
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return column.nbytes
    lengths = [pc.take(pc.binary_length(chunk.dictionary), chunk.indices) for chunk in column.chunks]
    return sum(pc.sum(pc.cast(each, pa.int64())).as_py() or 0 for each in lengths)


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _check_size(size: int) -> None:
    if size > SPREAD * MAX_BYTES:
        raise RefusedError(413, f"The table in the body has {size:,} bytes; at most {SPREAD * MAX_BYTES:,} are taken.")


def _from_cells(values: pa.ChunkedArray, each: Input, missing: list[str]) -> tuple[pd.Series, list[dict[str, Any]]]:
    """Cells of a file as a column of the contract's type; a cell that cannot be read is missing in it, and told."""
    plain = Field(name=each.name, type=each.field.type)  # as `publish` writes, whatever the raw data look like
    column, bad = cast(values, plain, missing)
    if each.field.type == "datetime" and bad.any():  # a day is its first moment
        days, bad = cast(values, plain.model_copy(update={"type": "date"}), missing)
        column, bad = column.fillna(days), bad & column.isna()
    positions = np.flatnonzero(bad.to_numpy())
    return column, [
        cell(int(row) + 1, each.name, f"{_shown(values[row].as_py())} is not {A_KIND[each.field.type]}", each.allowed)
        for row in positions
    ]


def _checked(columns: dict[str, pd.Series], inputs: Sequence[Input], errors: list[dict[str, Any]]) -> pd.DataFrame:
    """Refuse what cannot be read or breaks a bound; return the table."""
    told = {(error["row"], error["field"]) for error in errors}
    for each in inputs:
        found = cells_that_break(columns[each.name], each.field, each.required)
        errors += [error for error in found if (error["row"], error["field"]) not in told]
    refuse_cells(errors)
    return pd.DataFrame({each.name: columns[each.name] for each in inputs}, copy=False)


def cells_that_break(values: pd.Series, field: Field, required: bool = False) -> list[dict[str, Any]]:
    """The cells of a column that break the contract's bounds, with the allowed range or the nearest category."""
    found = list(broken_constraints(values, field))
    if required and not field.constraints.required:
        found.append(("is missing, and the model takes no gap here", values.isna()))
    if values.dtype.kind == "f":
        found.append(("is infinite", np.isinf(values)))
    allowed, errors = bounds_in_words(field), []
    for words, mask in found:
        for position in np.flatnonzero(mask.to_numpy()):
            value = None if pd.isna(values.iloc[position]) else values.iloc[position]
            enum, remedy = field.constraints.enum, f"Allowed: {allowed}" if allowed else ""
            if enum is not None and value is not None:
                remedy = nearest(str(value), map(str, enum), "allowed")
            problem = words if value is None else f"{_shown(value)} {words}"
            errors.append(cell(int(position) + 1, field.name, problem, remedy))
    return errors


def _check_count(rows: int) -> None:
    if rows == 0:
        raise RefusedError(422, "There are no rows in the body.")
    if rows > MAX_ROWS:
        raise RefusedError(413, f"At most {MAX_ROWS:,} rows are taken at once; send them in several requests.")


def _check_columns(header: Sequence[str], inputs: Sequence[Input]) -> None:
    """Refuse a file in which a column is missing or stands twice; other columns are given back as they are."""
    names = [each.name for each in inputs]
    errors = [cell(None, _text(name), "stands twice in the header") for name in _repeated(header)]
    free = [_text(name) for name in header if name not in names]
    for name in names:
        if name not in header:
            remedy = nearest(name, free, "columns that are not asked for") if free else "Its cells may be empty."
            errors.append(cell(None, name, "this column is missing", remedy))
    if errors:
        raise RefusedError(422, f"The header lacks a column: {', '.join(names)} are asked for.", errors)


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]


def _shown(value: Any) -> str:
    """A value in one short line."""
    said = json.dumps(value) if isinstance(value, bool | None | list | dict) else str(value)
    return f"`{_text(said)}`"


def _text(value: str) -> str:
    """Text that any answer can hold."""
    value = "".join(c if c.isprintable() else " " for c in value[: LONGEST + 1].encode(errors="replace").decode())
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
