"""Look at a file of any kind: format, encoding, delimiter, header, and its cells as they are."""

import codecs
import gzip
import itertools
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.contract import Dialect, Field, Resource, Schema
from pipeline.drafting.layout import find_delimiter, find_layout, split
from pipeline.errors import ProjectError
from pipeline.excel import cell_text, excel_batches, read_sheet
from pipeline.raw import FORMATS, PARQUET_ERRORS
from pipeline.textfiles import csv_batches, first_line, json_batches, jsonl_batches, open_text

MOST_ROWS = 2_000_000  # are looked at; what comes behind them is taken to be alike
HEAD_LINES = 300  # decide on delimiter and header
TEXT_SUFFIXES = (".txt", ".data", ".dat", ".asc", ".tab", "")
OTHER = {
    ".xls": "Save it as .xlsx or CSV.",
    ".ods": "Save it as .xlsx or CSV.",
    ".zip": "Unpack it, and draft from what is in it; `.gz` is read as it is.",
    ".sav": "pandas.read_spss reads it; write it with .to_parquet.",
    ".dta": "pandas.read_stata reads it; write it with .to_parquet.",
    ".sas7bdat": "pandas.read_sas reads it; write it with .to_parquet.",
    ".rds": "In R: write.csv(readRDS(FILE), NAME, row.names = FALSE).",
    ".rdata": "In R: load(FILE), then write.csv(TABLE, NAME, row.names = FALSE).",
    ".feather": "pandas.read_feather reads it; write it with .to_parquet.",
    ".pkl": "A pickle can run any code, so it is not opened; have its author write CSV or Parquet.",
    ".xml": "Turn it into CSV: pandas.read_xml reads many.",
}


@dataclass(frozen=True)
class Sniffed:
    """What a file looks like.

    Attributes:
        resource: its table for the contract, with every column; columns of text formats are still all `string`.
        cells: text, but for Parquet, whose columns have types; shape (rows, columns).
        units: column -> unit, where a row of the file tells them.
        notes: what is unusual about the file, in words.
        left_out: columns that no contract can hold -> why.
    """

    resource: Resource
    cells: pa.Table
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What the user says of a file, where looking at it would not tell."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


def sniff(file: Path, table: str, told: Told) -> Sniffed:
    """Look at a file.

    Raises:
        ProjectError: no such file, no format that is read, or nothing in it.
    """
    suffixes = [suffix.lower() for suffix in file.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix in OTHER:
        raise ProjectError(str(file), f"a file of the kind {suffix} is not read", OTHER[suffix])
    form = FORMATS.get(suffix)
    if form is None and suffix not in TEXT_SUFFIXES:
        raise ProjectError(str(file), f"a file of the kind {suffix} is not known", f"(read are {', '.join(FORMATS)})")
    if file.stat().st_size == 0:
        raise ProjectError(str(file), "the file is empty")
    reader = {"parquet": _sniff_parquet, "xlsx": _sniff_excel, "json": _sniff_json, "jsonl": _sniff_json}
    found = reader.get(form or "", _sniff_csv)(file, table, told)
    if found.cells.num_rows == 0:
        raise ProjectError(str(file), "there is a header, but no row of data")
    if found.cells.num_columns == 1:
        remedy = "Name the delimiter, such as --delimiter ' '." if form in (None, "csv") else ""
        raise ProjectError(
            str(file), f"only one column, `{found.cells.column_names[0]}`: nothing to predict from", remedy
        )
    return found


def _sniff_csv(file: Path, table: str, told: Told) -> Sniffed:
    encoding, notes = (told.encoding, []) if told.encoding else find_encoding(file)
    try:
        with open_text(file, encoding, newline="") as text:
            lines = list(itertools.islice(text, HEAD_LINES))
    except (UnicodeError, LookupError) as exc:
        raise ProjectError(
            str(file), f"not readable in {encoding}: {first_line(exc)}", "Name another --encoding."
        ) from None
    delimiter = told.delimiter or find_delimiter(lines)
    layout = find_layout(split(lines, delimiter or ","))
    if layout is None:
        raise ProjectError(str(file), "the file has no cells")
    dialect = layout.dialect()
    if (
        delimiter
        and delimiter != ","
        and not (delimiter == "\t" and file.name.lower().removesuffix(".gz").endswith(".tsv"))
    ):
        dialect["csv"] = {"delimiter": delimiter}
    resource = _resource(table, file, layout.names, dialect=dialect)
    resource = resource.model_copy(update={"encoding": encoding, "format": None if _suffix_tells(file) else "csv"})
    try:
        cells = _first_rows(csv_batches(resource, file))
    except ProjectError as mistake:
        remedy = "Each row needs as many cells as the header: look for a footer, or a quote that is not closed."
        raise (
            mistake
            if "cells, expected" not in mistake.problem
            else ProjectError(mistake.where, mistake.problem, remedy)
        ) from None
    return Sniffed(resource, cells, layout.units, notes + layout.notes)


def _suffix_tells(file: Path) -> bool:
    return any(suffix.lower() in FORMATS for suffix in file.suffixes)


def find_encoding(file: Path) -> tuple[str, list[str]]:
    """The encoding of a text file, and what there is to say of it.

    UTF-8 and UTF-16 can be told; else Latin-1 or, where it has marks that Latin-1 lacks, cp1252 (Windows) is a guess.

    Raises:
        ProjectError: no text at all.
    """
    if file.suffix.lower() == ".gz":
        _refuse_torn(file)
    with open_text(file, "latin-1", newline="") as text:
        start = text.read(1 << 16)
    if start.startswith(("\xff\xfe", "\xfe\xff")):
        return "utf-16", []
    if "\0" in start:
        raise ProjectError(str(file), "not a text file: it holds null bytes", "Save it as CSV, JSON, Parquet or .xlsx.")
    decoder, odd = codecs.getincrementaldecoder("utf-8")(), ""
    with open_text(file, "latin-1", newline="") as text:
        try:
            while chunk := text.read(1 << 20):
                decoder.decode(chunk.encode("latin-1"))
            decoder.decode(b"", final=True)
            return "utf-8", []
        except UnicodeDecodeError:
            text.seek(0)
            odd = "".join(
                {
                    character
                    for chunk in iter(lambda: text.read(1 << 20), "")
                    for character in chunk
                    if character >= "\x80"
                }
            )
    encoding = "cp1252" if any(character < "\xa0" for character in odd) else "latin-1"
    shown = "".join(sorted(odd))[:20].encode("latin-1").decode(encoding, "replace")
    return encoding, [
        f"not UTF-8; read as {encoding} (it then holds {shown}): if these are wrong, name another --encoding"
    ]


def _sniff_excel(file: Path, table: str, told: Told) -> Sniffed:
    sheet: int | str = int(told.sheet) if told.sheet and told.sheet.isdecimal() else told.sheet or 1
    head = itertools.islice(read_sheet(file, sheet), HEAD_LINES)
    rows = [[cell_text(cell, date=True) or "" for cell in row] for row in head]
    used = max((n for row in rows for n, cell in enumerate(row, 1) if cell), default=0)
    rows = [row[:used] + [""] * (used - len(row)) for row in rows]
    layout = find_layout(rows)
    if layout is None:
        remedy = "Name another one: --sheet NAME, or its number."
        raise ProjectError(str(file), f"the sheet {sheet} is empty", remedy)
    dialect = layout.dialect() | ({"excel": {"sheet": sheet}} if sheet != 1 else {})
    resource = _resource(table, file, layout.names, dialect=dialect)
    cells = _first_rows(excel_batches(resource, file))
    dated = {
        name: pc.replace_substring_regex(cells[name], "T00:00:00$", "")
        for name in cells.column_names
        if _is_midnight(cells[name])
    }
    cells = pa.table({name: dated.get(name, cells[name]) for name in cells.column_names})
    return Sniffed(resource, cells, layout.units, layout.notes)


def _is_midnight(cells: pa.ChunkedArray) -> bool:
    """Whether the times of a column are dates, which Excel does not know; the reader goes by the contract then."""
    found = pc.match_substring_regex(cells.drop_null(), "^[0-9-]{10}T00:00:00$")
    return len(found) > 0 and pc.all(found).as_py()


def _sniff_json(file: Path, table: str, told: Told) -> Sniffed:
    encoding, notes = (told.encoding, []) if told.encoding else find_encoding(file)
    with open_text(file, encoding) as text:
        start = text.read(1 << 16).lstrip("\ufeff \t\r\n")
    first, _, second = start.partition("\n")
    lines = _ends_as_lines(file) or (_is_json(first) and second.lstrip().startswith("{"))
    resource = _resource(table, file, []).model_copy(update={"encoding": encoding})
    if lines and not _ends_as_lines(file):
        resource = resource.model_copy(update={"format": "jsonl"})
        notes = [*notes, "one JSON record a line"]
    read = jsonl_batches if lines else json_batches
    try:
        names = _first_rows(read(resource, file)).column_names
    except ProjectError as mistake:
        if "expected a list of records" not in mistake.problem:
            raise
        remedy = (
            "Save the list alone, as [{…}, {…}]; from a web service, `records` in params.yaml says where it stands."
        )
        raise ProjectError(mistake.where, mistake.problem, remedy) from None
    resource = _resource(table, file, names).model_copy(update={"encoding": encoding, "format": resource.format})
    return Sniffed(resource, _first_rows(read(resource, file)), notes=notes)


def _ends_as_lines(file: Path) -> bool:
    return any(suffix.lower() in (".jsonl", ".ndjson") for suffix in file.suffixes)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _sniff_parquet(file: Path, table: str, told: Told) -> Sniffed:
    try:
        with pq.ParquetFile(file) as parquet:
            schema = parquet.schema_arrow
            kept = [
                column.name for column in schema if not (pa.types.is_nested(column.type) or _is_binary(column.type))
            ]
            batches = parquet.iter_batches(50_000, columns=kept)
            cells = _first_rows(pa.Table.from_batches([batch]).select(kept) for batch in batches)
    except PARQUET_ERRORS as exc:
        raise ProjectError(str(file), f"not readable as Parquet: {first_line(exc)}") from None
    left_out = {column.name: f"holds {column.type}" for column in schema if column.name not in kept}
    return Sniffed(_resource(table, file, kept), cells, left_out=left_out)


def _refuse_torn(file: Path) -> None:
    try:
        with gzip.open(file) as unpacked:
            while unpacked.read(1 << 20):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
        raise ProjectError(str(file), f"not readable as .gz: {exc}", "Get it again, or pack it again.") from None


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _resource(table: str, file: Path, names: list[str], dialect: dict[str, Any] | None = None) -> Resource:
    fields = [Field(name=name) for name in names]
    path = f"data/raw/{table}/{file.name}"
    return Resource(name=table, path=path, dialect=Dialect(**(dialect or {})), schema=Schema(fields=fields))


def _first_rows(batches: Any) -> pa.Table:
    """The rows of a stream, as far as they are looked at."""
    tables: list[pa.Table] = []
    for batch in batches:
        tables.append(batch)
        if sum(table.num_rows for table in tables) >= MOST_ROWS:
            break
    return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})
