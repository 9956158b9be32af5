"""Excel sheets as a stream of tables in which every cell is text; openpyxl is installed only where one is read."""

import datetime
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import pyarrow as pa

from pipeline.contract import Resource
from pipeline.errors import ProjectError, nearest
from pipeline.textfiles import BATCH_ROWS, first_line, match_columns

READ_ERRORS = (OSError, KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, ParseError)


def excel_batches(table: Resource, file: Path) -> Iterator[pa.Table]:
    """Read a sheet as tables of text, rows without any value left out; a formula counts as what it last gave.

    Raises:
        ProjectError: no openpyxl, no workbook, no such sheet, an empty one, or a value to the right of the columns.
    """
    rows = read_sheet(file, table.dialect.excel.sheet)
    listed, dates = table.columns(), {field.name for field in table.table_schema.fields if field.type == "date"}
    names = listed
    if table.dialect.header:
        names = next(
            (header_names(row) for n, row in enumerate(rows, 1) if n >= table.dialect.header_row and any(row)), []
        )
        if not names:
            raise ProjectError(str(file), "the sheet is empty")
    above = table.dialect.header_row + table.dialect.rows_below_header()
    for _ in range(table.dialect.rows_below_header()):
        next(rows, None)
    unlisted = match_columns(table, names, file)
    places = {name: names.index(name) for name in listed}
    waiting: list[tuple[Any, ...]] = []

    def flush() -> pa.Table:
        cells = {
            name: [cell_text(row[place], name in dates) if place < len(row) else None for row in waiting]
            for name, place in places.items()
        }
        texts = {name: pa.array(values, pa.string()) for name, values in cells.items()}
        return pa.table(texts | {name: pa.nulls(len(waiting)) for name in unlisted})

    for number, row in enumerate(rows, above + 1):
        if all(cell is None for cell in row):
            continue
        if any(cell is not None for cell in row[len(names) :]):
            problem = f"row {number} of the sheet: a value to the right of the {len(names)} columns"
            raise ProjectError(str(file), problem, "Name its column, or delete it.")
        waiting.append(row)
        if len(waiting) == BATCH_ROWS:
            yield flush()
            waiting = []
    yield flush()


def read_sheet(file: Path, sheet: int | str) -> Iterator[tuple[Any, ...]]:
    """Open a workbook; yield the values of each row of a sheet.

    Raises:
        ProjectError: no openpyxl, no workbook, or no such sheet.
    """
    try:
        import openpyxl
    except ModuleNotFoundError:
        remedy = (
            "pip install openpyxl, and add it to the dependencies in pyproject.toml (then: make lock); or save as CSV."
        )
        raise ProjectError(str(file), "Excel needs the package openpyxl, which is not installed", remedy) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that hold no values
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except READ_ERRORS as exc:
        raise ProjectError(
            str(file), f"not readable as Excel (.xlsx): {first_line(exc)}", "Save it as .xlsx or CSV."
        ) from None
    names = [found.title for found in book.worksheets]
    if isinstance(sheet, str) and sheet not in names:
        raise ProjectError(str(file), f"no sheet `{sheet}`", nearest(sheet, names, "sheets"))
    if isinstance(sheet, int) and not 1 <= sheet <= len(names):
        raise ProjectError(str(file), f"no sheet {sheet}", f"They count from 1.  (sheets: {', '.join(names)})")
    found = book.worksheets[sheet - 1 if isinstance(sheet, int) else names.index(sheet)]
    found.reset_dimensions()  # some programs write wrong ones
    try:
        yield from found.iter_rows(values_only=True)
    except READ_ERRORS as exc:
        raise ProjectError(
            str(file), f"not readable as Excel (.xlsx): {first_line(exc)}", "Save it as .xlsx or CSV."
        ) from None
    finally:
        book.close()


def header_names(row: tuple[Any, ...]) -> list[str]:
    """The names of the columns, "" where a cell is empty, up to the last that is not."""
    texts = [cell_text(cell, date=True) or "" for cell in row]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def cell_text(value: Any, date: bool = False) -> str | None:
    """A cell as text; Excel has no dates without a time, so midnight is one only where a date is wanted."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if date and midnight else value.isoformat(sep="T", timespec="auto")
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
