"""Raw files (CSV, JSON, Parquet, Excel) as typed parts that keep to the contract; what breaks it is told by cell."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.casting import cast, convert, is_typed
from pipeline.contract import Resource
from pipeline.errors import ProjectError, nearest
from pipeline.excel import excel_batches
from pipeline.tables import DTYPES, map_parts, to_pandas
from pipeline.textfiles import csv_batches, first_line, json_batches, jsonl_batches, match_columns
from pipeline.violations import Violations, find_violations, has_constraints, refuse

FORMATS = {
    **{".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet"},
    **{".xlsx": "xlsx", ".xlsm": "xlsx"},
}
PARQUET_ERRORS = (pa.ArrowException, OSError)
REMEDY = (
    "A raw table's contract says how the data come (type, missingValues); "
    "bounds to keep belong to rules in params.yaml and to the table `ready`."
)


@dataclass(frozen=True)
class RawPart:
    """Some rows of a source file, readable on their own.

    Attributes:
        file: the Parquet file that holds them: the source itself, or a typed copy in the scratch folder.
        table: the contract that the source's columns are converted to; None for a typed copy.
        row_group, rows: where in it they are; a row group is the least that can be read.
        partition_rows: rows of a piece, at most.
        source: the source file's name in the table's folder.
        source_row: number of the first row in the source; the first row after a header is row 1.
        row: number of the first row in the whole table, from 0.
    """

    file: Path
    table: Resource | None
    row_group: int
    rows: int
    partition_rows: int
    source: str
    source_row: int
    row: int

    def read(self, columns: list[str]) -> pd.DataFrame:
        """Read columns of the rows, indexed by their number in the whole table.

        Raises:
            ProjectError: the file is damaged.
        """
        return self._frame(self._read(columns))

    def pieces(self, columns: list[str]) -> Iterator[pd.DataFrame]:
        """Read columns of the rows, so many at a time as a part may have; no rows are a piece as well."""
        table = self._read(columns)
        for first in self._starts():
            yield self._frame(table.slice(first, self.partition_rows), first)

    def count_pieces(self) -> int:
        return len(self._starts())

    def _starts(self) -> range:
        return range(0, max(self.rows, 1), self.partition_rows)

    def _read(self, columns: list[str]) -> pa.Table:
        try:
            with pq.ParquetFile(self.file) as file:
                table = file.read_row_group(self.row_group, columns=columns, use_threads=False)
        except PARQUET_ERRORS as exc:
            raise _unreadable(self.file, exc) from None
        return table.select(columns)

    def _frame(self, table: pa.Table, first: int = 0) -> pd.DataFrame:
        frame = to_pandas(table) if self.table is None else _convert_table(self.table, table)
        frame.index = pd.RangeIndex(self.row + first, self.row + first + len(frame))
        return frame


@dataclass(frozen=True)
class RawTable:
    parts: list[RawPart]
    columns: list[str]
    columns_not_in_contract: list[str]
    rows: int


@dataclass(frozen=True)
class _File:
    """One raw file of a table.

    Attributes:
        source: its name in the table's folder.
        row: number of its first row in the whole table, from 0.
        scratch: the beginning of the names of its typed copies.
        partition_rows: rows of a part, at most.
    """

    table: Resource
    path: Path
    source: str
    row: int
    scratch: Path
    partition_rows: int

    def part(self, held_by: Path, table: Resource | None, group: int, rows: int, source_row: int) -> RawPart:
        row = self.row + source_row - 1
        return RawPart(held_by, table, group, rows, self.partition_rows, self.source, source_row, row)


Opened = tuple[
    list[RawPart], list[str], list[Violations]
]  # its parts, columns not in the contract, cells that break it


def open_raw(table: Resource, folder: Path, scratch: Path, partition_rows: int) -> RawTable:
    """Read the raw files of a table, check every cell against the contract, and cut the rows into parts.

    Args:
        folder: where the table's files are; they are read in the order of their names.
        scratch: a folder for typed copies of the files that are not typed Parquet already.
        partition_rows: rows of a part, at most.

    Raises:
        ProjectError: no files, a file that can't be read, columns that do not fit, or cells that break the contract
            (all are counted, the first ten shown, the values of personal columns masked).
    """
    paths = sorted(path for path in folder.glob("**/*") if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise ProjectError(str(folder), "no files", "`access` writes them: run `dvc repro access`.")
    parts: list[RawPart] = []
    unlisted: dict[str, None] = {}
    broken: dict[str, list[Violations]] = {}
    rows = 0
    for number, path in enumerate(paths):
        source = path.relative_to(folder).as_posix()
        file = _File(table, path, source, rows, scratch / f"{table.name}-{number}", partition_rows)
        opened, columns, violations = _open(file)
        parts += opened
        unlisted |= dict.fromkeys(columns)
        rows += sum(part.rows for part in opened)
        if any(found.count for found in violations):
            broken[source] = violations
    typed = [part for part in parts if part.table is not None]
    for part, found in zip(typed, map_parts(_look, typed), strict=True):
        if found.count:
            broken.setdefault(part.source, []).append(found)
    if len(broken) > 1:
        found = [_of_source(source, violations) for source in broken for violations in broken[source]]
        refuse(found, str(folder), REMEDY)
    for source, violations in broken.items():
        refuse(violations, str(folder / source), REMEDY)
    return RawTable([part for part in parts if part.rows] or parts[:1], table.columns(), list(unlisted), rows)


def _of_source(source: str, violations: Violations) -> Violations:
    return replace(violations, first=[(row, f"{source}, {words}") for row, words in violations.first])


def _open(file: _File) -> Opened:
    form = _format(file.table, file.path)
    if form == "parquet":
        return _open_parquet(file)
    batches = {"csv": csv_batches, "json": json_batches, "jsonl": jsonl_batches, "xlsx": excel_batches}[form]
    return _copy_typed(file, batches(file.table, file.path))


def _format(table: Resource, path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    form = table.format or FORMATS.get(suffixes[-1] if suffixes else "", "")
    form = {"ndjson": "jsonl", "tsv": "csv"}.get(form, form)
    if form not in FORMATS.values():
        problem = f"found `{form or path.suffix}`, no format that is read"
        raise ProjectError(str(path), problem, nearest(form, dict.fromkeys(FORMATS.values()), "formats"))
    return form


def _open_parquet(file: _File) -> Opened:
    try:
        with pq.ParquetFile(file.path) as parquet:
            schema, metadata = parquet.schema_arrow, parquet.metadata
    except PARQUET_ERRORS as exc:
        raise _unreadable(file.path, exc) from None
    unlisted = match_columns(file.table, schema.names, file.path)
    fields = file.table.table_schema.fields
    if not metadata.num_rows or not all(is_typed(schema.field(field.name).type, field) for field in fields):
        parts, _, violations = _copy_typed(file, _parquet_batches(file))
        return parts, unlisted, violations
    parts, source_row = [], 1
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        parts.append(file.part(file.path, file.table, group, rows, source_row))
        source_row += rows
    return parts, unlisted, []  # open_raw looks at their cells, those of all files together


def _look(part: RawPart) -> Violations:
    """Check the cells of a part that is read from the source itself: only the columns with constraints are read."""
    fields = [field for field in part.table.table_schema.fields if has_constraints(field)]
    return find_violations(part.read([field.name for field in fields]), fields, part.source_row)


def _parquet_batches(file: _File) -> Iterator[pa.Table]:
    columns = file.table.columns()
    try:
        with pq.ParquetFile(file.path) as parquet:
            yield parquet.schema_arrow.empty_table().select(columns)
            for batch in parquet.iter_batches(file.partition_rows, columns=columns, use_threads=False):
                yield pa.Table.from_batches([batch]).select(columns)
    except PARQUET_ERRORS as exc:
        raise _unreadable(file.path, exc) from None


def _unreadable(path: Path, exc: Exception) -> ProjectError:
    return ProjectError(str(path), f"not readable as Parquet: {first_line(exc)}")


def _copy_typed(file: _File, batches: Iterator[pa.Table]) -> Opened:
    """Parse a file's batches to the contract's types, check them, and keep them as one Parquet file a part."""
    columns = file.table.columns()
    parts, unlisted, violations, source_row = [], dict[str, None](), [], 1
    for number, batch in enumerate(_rebatch(batches, file.partition_rows)):
        unlisted |= dict.fromkeys(name for name in batch.column_names if name not in columns)
        frame, unreadable = _cast_table(file.table, batch, columns)
        violations.append(find_violations(frame, file.table.table_schema.fields, source_row, unreadable))
        copy = file.scratch.with_name(f"{file.scratch.name}-{number}.parquet")
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), copy, compression="lz4")
        parts.append(file.part(copy, None, 0, len(frame), source_row))
        source_row += len(frame)
    return parts, list(unlisted), violations


def _cast_table(
    table: Resource, batch: pa.Table, columns: list[str]
) -> tuple[pd.DataFrame, dict[str, tuple[pd.Series, pa.ChunkedArray]]]:
    """Rows in the contract's types, and column -> (mask of the cells that are not, the cells as they came)."""
    schema, values, unreadable = table.table_schema, {}, {}
    for field in schema.fields:
        if field.name in columns:
            missing = schema.missingValues if field.missingValues is None else field.missingValues
            values[field.name], bad = cast(batch[field.name], field, missing)
            if bad.any():
                unreadable[field.name] = (bad, batch[field.name])
    return pd.DataFrame(values, columns=columns), unreadable


def _convert_table(table: Resource, batch: pa.Table) -> pd.DataFrame:
    """Rows of typed columns, of which no cell can break its type (see is_typed), in the contract's types."""
    schema, types, columns = table.table_schema, {}, {}
    for field in schema.fields:
        if field.name in batch.column_names:
            missing = schema.missingValues if field.missingValues is None else field.missingValues
            columns[field.name] = convert(batch[field.name], field, missing)
            types[field.name] = DTYPES[field.type]
    frame = to_pandas(pa.table({name: columns[name] for name in batch.column_names}))
    return frame.astype({name: dtype for name, dtype in types.items() if frame[name].dtype != dtype})


def _rebatch(batches: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut a stream of tables into tables of so many rows; the last may be shorter, and there is at least one."""
    waiting: list[pa.Table] = []
    count, first = 0, True
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.concat_tables(waiting, promote_options="default")
            yield table.slice(0, rows)
            waiting, count, first = [table.slice(rows)], count - rows, False
    if count or first:
        yield pa.concat_tables(waiting, promote_options="default")
