"""Candidates for keys: columns that tell rows apart, and columns that point to another table."""

import itertools
import re
from dataclasses import dataclass

import pandas as pd

from pipeline.drafting.naming import slug
from pipeline.drafting.tables import Column, Table
from pipeline.keys import repeated_rows

TIME_WORDS = re.compile(
    r"(^|[^a-z])(years?|jahr|annee|quarter|month|week|days?|date|hour|time|t|period|wave|visit|round|session|trial)$"
)
PERSON = re.compile(
    r"^(subject|patient|participant|person|respondent|customer|client|user|student|pupil|worker|player|household|family"
    r"|animal|individual|case|school|site)s?(_?(id|no|nr|number|name|code))?$"
)
NAMING = ("string", "integer", "date", "datetime")  # types of columns that name things
MOST_COLUMNS = 8  # that a key of several columns is looked for in
ENOUGH = 10  # rows, for several columns to be a key rather than chance
KNOWN = 0.5  # the share of values, at least, that the other table has
NEARLY_ALL = 0.95  # the same, where the names of the columns do not speak for it


@dataclass(frozen=True)
class ForeignKey:
    """Columns of one table that name a row of another.

    Attributes:
        found: the share of their different values that the other table has.
    """

    fields: list[str]
    table: str
    reference: list[str]
    found: float


def primary_keys(table: Table, target: str | None) -> list[list[str]]:
    """Columns by which each row can be told from all others, the likeliest first; a mere number of the row last."""
    single = [column for column in table.columns if column.unique and column.name != target]
    single = [column for column in single if _may_be_key(column, table)]
    named = sorted((c for c in single if not is_row_number(c)), key=lambda column: not column.identifies)
    several = [] if named else _keys_of_several(table, target)
    return [*([c.name] for c in named), *several, *([c.name] for c in single if is_row_number(c))]


def is_row_number(column: Column) -> bool:
    """Whether a column only counts the rows, as programs write it that number them unasked."""
    counts = column.field.type == "integer" and column.unique and column.high - column.low == column.rows - 1
    return counts and bool(
        re.fullmatch(r"row_?(names?|number|id)?|index|idx|x|column_[0-9]+|unnamed.*", slug(column.name))
    )


def _may_be_key(column: Column, table: Table) -> bool:
    if column.rows < 2 or column.field.type in ("number", "boolean") or column.kind == "empty":
        return False
    if column.identifies:
        return True
    if column.kind == "time":
        return table.frame[column.name].is_monotonic_increasing or table.frame[column.name].is_monotonic_decreasing
    first = next((other for other in table.columns if not is_row_number(other)), column) is column
    if column.field.type == "integer":
        counts_rows = column.high - column.low == column.rows - 1
        return counts_rows or (first and table.frame[column.name].is_monotonic_increasing)
    return first


def _keys_of_several(table: Table, target: str | None) -> list[list[str]]:
    def tells(column: Column) -> bool:
        name = slug(column.name)
        return column.identifies or column.kind == "time" or bool(TIME_WORDS.search(name) or PERSON.search(name))

    def may_be_part(column: Column) -> bool:
        known = column.missing == 0 and not column.constant and column.name != target
        whole = column.field.type == "integer" and tells(column) and not is_row_number(column)
        return known and (whole or column.field.type in ("string", "date", "datetime"))

    some = [column for column in table.columns if may_be_part(column)][:MOST_COLUMNS]
    if len(table.frame) < ENOUGH:
        return []
    for size in (2, 3):
        for columns in itertools.combinations(some, size):
            names = [column.name for column in columns]
            if any(map(tells, columns)) and not len(repeated_rows(table.frame[names])):
                return [names]
    return []


def foreign_keys(main: Table, other: Table) -> list[ForeignKey]:
    """Columns of the main table that may point to another, the likeliest first."""
    found: list[tuple[bool, ForeignKey]] = []
    for left, right in itertools.product(main.columns, other.columns):
        same = main.frame[left.name].dtype == other.frame[right.name].dtype
        names_one = right.unique and right.field.type in NAMING and not is_row_number(right)
        if same and names_one and left.different > 1 and left.kind not in ("boolean", "empty"):
            share = _known(main.frame[[left.name]], other.frame[[right.name]])
            key = ForeignKey([left.name], other.name, [right.name], share)
            found.append((_alike(left.name, right.name, other.name), key))
    for names in _shared_keys(main, other):
        found.append((True, ForeignKey(names, other.name, names, _known(main.frame[names], other.frame[names]))))
    likely = [
        (named, key)
        for named, key in found
        if (named and key.found >= KNOWN)
        or (key.found >= NEARLY_ALL and main.column(key.fields[0]).field.type == "string")
    ]
    return [key for named, key in sorted(likely, key=lambda pair: (not pair[0], -pair[1].found))]


def _shared_keys(main: Table, other: Table) -> list[list[str]]:
    """The fewest columns, two or three, that both tables have and that name one row of the other."""
    shared = [
        column.name
        for column in other.columns
        if column.name in main.frame
        and main.frame[column.name].dtype == other.frame[column.name].dtype
        and column.field.type in NAMING
        and not (column.missing or column.constant or column.unique or is_row_number(column))
    ][:MOST_COLUMNS]
    for size in (2, 3):
        found = [list(names) for names in itertools.combinations(shared, size)]
        found = [names for names in found if not len(repeated_rows(other.frame[names]))]
        if found:
            return found
    return []


def _known(left: pd.DataFrame, right: pd.DataFrame) -> float:
    """The share of the different values on the left that stand on the right too."""
    wanted, have = (set(frame.dropna().itertuples(index=False, name=None)) for frame in (left, right))
    return len(wanted & have) / len(wanted) if wanted else 0.0


def _alike(left: str, right: str, table: str) -> bool:
    a, b = slug(left), slug(right)
    singular = table.removesuffix("s")
    return (
        a == b
        or a in (f"{table}_{b}", f"{singular}_{b}", table, singular)
        or (b not in ("id", "name", "code") and a.endswith(f"_{b}"))
    )


def group_column(table: Table) -> str | None:
    """A column that names what several rows are about, such as a patient: its rows should stay together."""
    for column in table.columns:
        repeats = 10 <= column.different <= 0.8 * column.rows and column.missing == 0
        names = column.identifies or PERSON.search(slug(column.name))
        if repeats and names and column.field.type in ("string", "integer"):
            return column.name
    return None
