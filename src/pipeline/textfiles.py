"""CSV and JSON files as a stream of tables in which every cell is still text."""

import csv
import gzip
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pipeline.contract import CsvDialect, Resource
from pipeline.errors import ProjectError, nearest

BATCH_ROWS = 50_000
READ_ERRORS = (pa.ArrowException, UnicodeError, OSError, EOFError, csv.Error, zlib.error)
LONGEST_CELL = 2**31 - 1  # characters


def csv_batches(table: Resource, file: Path) -> Iterator[pa.Table]:
    """Stream a CSV file as tables of text; the first has no rows, and names the columns that the contract does not.

    Raises:
        ProjectError: wrong encoding, an empty file, columns that do not fit, a quote that is not closed, or a row with
            more or fewer cells than the header.
    """
    dialect = table.dialect.csv
    if file.name.lower().removesuffix(".gz").endswith(".tsv") and dialect.delimiter == ",":
        dialect = dialect.model_copy(update={"delimiter": "\t"})
    ragged: list[pyarrow.csv.InvalidRow] = []
    listed, skipped, multiline = table.columns(), 0, False

    def refuse_row(row: pyarrow.csv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    try:
        names, above, skipped, has_rows = _csv_header(table, file, dialect)
        yield _text_table([], listed, [*listed, *match_columns(table, names, file)], file)
        # A column that is not listed may share its name with another, so it is called by its place.
        unique = [name if name in listed else f"{name} {place}\0" for place, name in enumerate(names)]
        read = pyarrow.csv.ReadOptions(
            use_threads=False,  # so that a ragged row knows its number
            encoding=table.encoding,
            column_names=unique,
            skip_rows=above,
            skip_rows_after_names=skipped - above,  # this one knows that a quoted cell may go over several lines
            block_size=8 << 20,
        )
        parse = pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quoteChar,
            double_quote=dialect.doubleQuote,
            escape_char=dialect.escapeChar or False,
            newlines_in_values=True,
            invalid_row_handler=refuse_row,
        )
        convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(unique, pa.string()), strings_can_be_null=False)
        if has_rows:
            with (
                _open_bytes(file) as stream,
                pyarrow.csv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert) as reader,
            ):
                for batch in reader:
                    multiline = multiline or any(_has_newline(column) for column in batch.columns)
                    yield pa.Table.from_batches([batch]).select(listed)
    except READ_ERRORS as exc:
        if ragged:
            row = ragged[0]
            problem = f"row {row.number - skipped}: found {row.actual_columns} cells, expected {row.expected_columns}"
            remedy = f"The delimiter is `{dialect.delimiter}`; set dialect.csv in contract.yaml where it is another."
            raise ProjectError(str(file), problem, remedy) from None
        raise _unreadable(file, "CSV", table.encoding, exc) from None
    if multiline:
        _check_quotes(table, file, dialect)


def match_columns(table: Resource, names: list[str], file: Path) -> list[str]:
    """Compare a file's columns with the contract's; return those that the contract does not list.

    Raises:
        ProjectError: a listed column is not there, or twice.
    """
    for name in table.columns():
        if name not in names:
            problem = f"no column `{name}`, which contract.yaml lists"
            raise ProjectError(str(file), problem, nearest(name, names, "columns"))
        if names.count(name) > 1:
            raise ProjectError(str(file), f"the column `{name}` stands twice", "Name the columns apart in the file.")
    listed = set(table.columns())
    return list(dict.fromkeys(name for name in names if name not in listed))


def _csv_header(table: Resource, file: Path, dialect: CsvDialect) -> tuple[list[str], int, int, bool]:
    """The columns' names, how many rows stand above them and above the data, and whether there are data."""
    with open_text(file, table.encoding, newline="") as lines:
        rows = _csv_reader(lines, dialect)
        names, above, skipped = table.columns(), 0, 0
        if table.dialect.header:
            for above, names in enumerate(rows):
                if names and above + 1 >= table.dialect.header_row:
                    break
            else:
                raise ProjectError(str(file), "the file is empty")
            skipped = above + 1
        for _ in itertools.islice(rows, table.dialect.rows_below_header()):
            skipped += 1
        return names, above, skipped, any(line.strip("\r\n") for line in lines)


def _csv_reader(lines: Iterable[str], dialect: CsvDialect, strict: bool = False) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quoteChar,
        doublequote=dialect.doubleQuote,
        escapechar=dialect.escapeChar,
        strict=strict,
    )


def _has_newline(column: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(column, "\n")).as_py())


def _check_quotes(table: Resource, file: Path, dialect: CsvDialect) -> None:
    """Look whether a cell over several lines is meant, or a quote that is not closed has swallowed rows."""
    with open_text(file, table.encoding, newline="") as lines:
        rows, start = _csv_reader(lines, dialect, strict=True), 1
        try:
            for _ in rows:
                start = rows.line_num + 1
        except csv.Error:
            place = f"{file}, line {start}"
            raise ProjectError(
                place, "a quote is not closed, or closed too early", "Double a quote in a cell."
            ) from None


def jsonl_batches(table: Resource, file: Path) -> Iterator[pa.Table]:
    """Stream a file with one JSON record a line as tables of text."""

    def records() -> Iterator[tuple[str, object]]:
        try:
            with open_text(file, table.encoding) as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield f"line {number}", _parse_json(line, file, number)
        except READ_ERRORS as exc:
            raise _unreadable(file, "JSON", table.encoding, exc) from None

    yield from _record_batches(table, file, records())


def json_batches(table: Resource, file: Path) -> Iterator[pa.Table]:
    """Read a file with one JSON list of records as tables of text."""
    try:
        with open_text(file, table.encoding) as text:
            records = _parse_json(text.read(), file, 1)
    except READ_ERRORS as exc:
        raise _unreadable(file, "JSON", table.encoding, exc) from None
    if not isinstance(records, list):
        raise ProjectError(str(file), f"found {_kind(records)}, expected a list of records")
    yield from _record_batches(table, file, ((f"row {number}", record) for number, record in enumerate(records, 1)))


class _Number(str):
    """A number in a JSON file, with the digits that it has there."""


def _parse_json(text: str, file: Path, line: int) -> object:
    try:
        return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except json.JSONDecodeError as exc:
        place = f"{file}, line {line + exc.lineno - 1}"
        raise ProjectError(place, f"not readable as JSON: {exc.msg} (character {exc.colno})") from None
    except RecursionError:
        raise ProjectError(f"{file}, line {line}", "not readable as JSON: nested too deeply") from None


def _record_batches(table: Resource, file: Path, records: Iterable[tuple[str, object]]) -> Iterator[pa.Table]:
    """Make text columns of records; a key that one record lacks is a missing value, one that all lack is a mistake."""
    listed, seen = table.columns(), dict[str, None]()
    waiting: list[dict] = []
    for place, record in records:
        if not isinstance(record, dict):
            raise ProjectError(f"{file}, {place}", f"found {_kind(record)}, expected a record")
        seen |= dict.fromkeys(record)
        waiting.append(record)
        if len(waiting) == BATCH_ROWS:
            yield _text_table(waiting, listed, seen, file)
            waiting = []
    if seen:
        match_columns(table, list(seen), file)
    yield _text_table(waiting, listed, seen, file)


def _kind(value: object) -> str:
    return {dict: "a record", list: "a list", type(None): "null"}.get(type(value), "a single value")


def _text_table(records: list[dict], listed: list[str], seen: Iterable[str], file: Path) -> pa.Table:
    """The listed columns as text, and the others that were seen without their values."""
    columns = {}
    for name in listed:
        try:
            columns[name] = pa.array([_text(record.get(name)) for record in records], pa.string())
        except (UnicodeError, RecursionError):
            raise ProjectError(str(file), f"`{name}` holds a text that is no Unicode, or nested too deeply") from None
    return pa.table(columns | {name: pa.nulls(len(records)) for name in seen if name not in columns})


def _text(value: object) -> str | None:
    return value if value is None or type(value) is str else _as_written(value)


def _as_written(value: object) -> str:
    match value:
        case _Number():
            return str(value)
        case dict():
            pairs = [f"{json.dumps(key, ensure_ascii=False)}: {_as_written(inner)}" for key, inner in value.items()]
            return "{" + ", ".join(pairs) + "}"
        case list():
            return "[" + ", ".join(map(_as_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _open_bytes(file: Path) -> pa.NativeFile:
    return pa.input_stream(str(file), compression="gzip" if file.suffix.lower() == ".gz" else None)


def open_text(file: Path, encoding: str, newline: str | None = None) -> TextIO:
    """Open for reading; the mark that some programs put before UTF-8 text is no part of it."""
    encoding = "utf-8-sig" if encoding.lower().replace("-", "").replace("_", "") == "utf8" else encoding
    opener = gzip.open if file.suffix.lower() == ".gz" else open
    return opener(file, "rt", encoding=encoding, newline=newline)


def _unreadable(file: Path, form: str, encoding: str, exc: Exception) -> ProjectError:
    text = isinstance(exc, UnicodeError) or "UTF8" in str(exc)
    remedy = "Set the table's `encoding` in contract.yaml, such as latin-1 or cp1252." if text else ""
    return ProjectError(str(file), f"not readable as {form} in {encoding}: {first_line(exc)}", remedy)


def first_line(exc: BaseException) -> str:
    """The first line of what a library says went wrong."""
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__
