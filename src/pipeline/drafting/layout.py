"""How the cells of a file lie: its header, what stands above it, and names for columns that have none."""

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.drafting.units import unit_of_text
from pipeline.textfiles import LONGEST_CELL

DELIMITERS = (",", ";", "\t", "|")
NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)*|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*%?")
DATE = re.compile(r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}([T ].*)?")


@dataclass(frozen=True)
class Layout:
    """Where the columns' names stand.

    Attributes:
        names: one a column, as the contract will call them.
        header: whether the contract's names are those of the file, found by name; else they go by the columns' order.
        header_row: the row with the names, from 1; 0 where there is none.
        units: column -> unit, where a row below the header names them.
        notes: what is unusual, in words.
    """

    names: list[str]
    header: bool
    header_row: int
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def dialect(self) -> dict:
        """The layout in the words of the contract's `dialect`."""
        above = self.header_row + bool(self.units)
        if not self.header:
            return {"header": False} | ({"commentRows": list(range(1, above + 1))} if above else {})
        rows = {"headerRows": [self.header_row]} if self.header_row > 1 else {}
        return rows | ({"commentRows": [above]} if self.units else {})


def find_delimiter(lines: list[str]) -> str | None:
    """The character that cuts most lines into the same number of cells, at least two; None where none does."""
    best, found = (1, 1), None
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in split(lines, delimiter) if row)
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(0, 0))
        if width > 1 and (count, width) > best:
            best, found = (count, width), delimiter
    return found


def split(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    """Cut lines into cells as the reader of CSV files does; a last row that is not whole is left out."""
    csv.field_size_limit(LONGEST_CELL)
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows += csv.reader(lines, delimiter=delimiter)
    return rows


def find_layout(rows: list[list[str]]) -> Layout | None:
    """Find the header among the first rows of a file; None where there are no cells.

    Titles above it have fewer cells, or only one that is not empty. A row of numbers over numbers is no header.
    """
    widths = Counter(len(row) for row in rows if any(row))
    if not widths:
        return None
    width = max(widths, key=lambda width: (widths[width], width))
    enough = min(2, width - 1) or 1
    whole = [n for n, row in enumerate(rows) if len(row) == width and sum(map(bool, row)) >= enough]
    if not whole:
        return None
    first, notes = whole[0], []
    if first and len(rows[first - 1]) == width - 1 >= 1 and _is_header(rows[first - 1], [r[1:] for r in rows[first:]]):
        notes.append("the header has one name fewer than the rows have cells: the first column is taken to be unnamed")
        return _named(["", *rows[first - 1]], first, {}, notes, positional=True)
    if not _is_header(rows[first], [row for row in rows[first + 1 :] if len(row) == width]):
        notes.append("no header: the first row holds data like the others, so columns have numbers for names")
        return _named([""] * width, first, {}, notes, positional=True)
    if first:
        notes.append(f"the header is row {first + 1}; what stands above it is skipped")
    below = rows[first + 1] if first + 1 < len(rows) and len(rows[first + 1]) == width else []
    units = _units_row(below, rows[first + 2 :])
    if units:
        notes.append(f"row {first + 2} holds units and is skipped")
    return _named(rows[first], first + 1, units, notes)


def _is_header(row: list[str], below: list[list[str]]) -> bool:
    """Whether a row differs from those below it: text all over, a text over numbers or dates, years or 1, 2, 3, …"""
    kinds = [_kind(cell) for cell in row]
    if all(kind in ("text", "empty") for kind in kinds) or not below:
        return True
    for place, kind in enumerate(kinds):
        under = Counter(_kind(cells[place]) for cells in below[:100] if place < len(cells) and cells[place].strip())
        if kind == "text" and under and under.most_common(1)[0][0] in ("number", "date"):
            return True
    numbers = [cell.strip() for cell, kind in zip(row, kinds, strict=True) if kind == "number"]
    whole = [int(number) for number in numbers if number.isdecimal() and len(number) < 6]
    counted = whole in (list(range(len(whole))), list(range(1, len(whole) + 1)))
    years = len(set(whole)) == len(whole) and all(1600 <= year <= 2100 for year in whole)
    return 1 < len(numbers) == len(whole) and (counted or years)


def _kind(cell: str) -> str:
    cell = cell.strip()
    if not cell:
        return "empty"
    return "number" if NUMBER.fullmatch(cell) else "date" if DATE.fullmatch(cell) else "text"


def _units_row(row: list[str], below: list[list[str]]) -> dict[int, str]:
    """Place -> unit, if a row has nothing but units, and numbers stand below it."""
    cells = {place: cell.strip() for place, cell in enumerate(row) if cell.strip(" -")}
    units = {place: unit_of_text(cell.strip("()[]")) for place, cell in cells.items()}
    if not units or not all(units.values()):
        return {}
    over_numbers = [
        place for place in units if any(_kind(r[place]) == "number" for r in below[:20] if len(r) == len(row))
    ]
    return {place: unit for place, unit in units.items() if unit} if over_numbers else {}


def _named(
    names: list[str], header_row: int, units: dict[int, str], notes: list[str], positional: bool = False
) -> Layout:
    """Give names to columns that have none or another's: then all go by their order, which the contract can say."""
    taken, unique = set(names), []
    for place, name in enumerate(names, 1):
        if not name.strip():
            name = _free(f"column_{place}", taken)
        elif name in unique:
            name = next(candidate for n in range(2, place + 2) if (candidate := f"{name}_{n}") not in taken)
        unique.append(name)
        taken.add(name)
    named = [name for name in names if name.strip()]
    blank, twice = len(names) - len(named), next((name for name in named if named.count(name) > 1), None)
    if blank and not positional:
        named_so = "columns have no name in the header: named by their place" if blank > 1 else ""
        notes.append(f"{blank} {named_so or 'column has no name in the header: named by its place'}")
    if twice:
        notes.append(f"`{twice}` stands several times in the header: the later ones are numbered")
    return Layout(unique, unique == names, header_row, {unique[place]: unit for place, unit in units.items()}, notes)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
