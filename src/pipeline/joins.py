"""Join tables along the contract's foreign keys, many to one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.contract import Resource
from pipeline.errors import ProjectError, nearest
from pipeline.keys import repeated_rows, show_rows
from pipeline.tables import read_table


@dataclass(frozen=True)
class Lookup:
    """The right side of a join, ready to be looked up.

    Attributes:
        name: the right table.
        fields: columns of the left table that point to it.
        levels: for each of them the values that the right table has, as an index.
        codes: for each row of the right table its key, the levels' positions made one number; unique.
        columns: the right table's other columns, prefixed with its name, and one more row, all missing, at the end.
    """

    name: str
    fields: list[str]
    levels: list[pd.Index]
    codes: pd.Index
    columns: pd.DataFrame


def open_lookup(main: Resource, right: Resource, folder: Path) -> Lookup:
    """Read a table that the main table's foreign key points to.

    Raises:
        ProjectError: the contract has no such foreign key, or a right key repeats (which row would be joined?).
    """
    return make_lookup(main, right, read_table(folder))


def make_lookup(main: Resource, right: Resource, rows: pd.DataFrame) -> Lookup:
    """Prepare the rows of a right table; see open_lookup."""
    keys = [key for key in main.table_schema.foreignKeys if key.reference.resource == right.name]
    if len(keys) != 1:
        have = [key.reference.resource for key in main.table_schema.foreignKeys]
        problem = f"{'several' if keys else 'no'} foreign keys of `{main.name}` point to `{right.name}`"
        raise ProjectError("contract.yaml: foreignKeys", problem, nearest(right.name, have, "foreign keys point to"))
    fields, references = keys[0].fields, keys[0].reference.fields
    repeated = repeated_rows(rows[references].dropna())
    if len(repeated):
        shown = show_rows(right, rows.loc[repeated, references])
        raise ProjectError(
            f"contract.yaml: foreign key of `{main.name}` to `{right.name}`",
            f"({', '.join(references)}) repeats in {len(repeated)} rows of data/clean/{right.name}, such as: {shown}",
            f"Join on a key that names one row, or add a rule `drop_duplicates` to clean.{right.name} in params.yaml.",
        )
    rows = rows[rows[references].notna().all(axis=1)]
    levels = [pd.Index(rows[name].unique()) for name in references]
    codes = pd.Index(_codes(rows[references], levels))
    columns = rows.drop(columns=references).add_prefix(f"{right.name}_").reset_index(drop=True)
    return Lookup(right.name, fields, levels, codes, columns.reindex(range(len(columns) + 1)))


def join_part(table: pd.DataFrame, lookups: list[Lookup]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Add the columns of the right tables to some rows of the main table.

    Args:
        table: rows of the main table, shape (n, …).

    Returns:
        The rows in the same order, shape (n, … + columns of the right tables), missing where nothing matches, and
        right table -> rows without a match.
    """
    joined, unmatched = [table], {}
    for lookup in lookups:
        found = lookup.codes.get_indexer(_codes(table[lookup.fields], lookup.levels))
        unmatched[lookup.name] = int((found < 0).sum())
        columns = lookup.columns.take(found)  # -1 takes the last row, which is all missing
        columns.index = table.index
        joined.append(columns)
    return pd.concat(joined, axis=1), unmatched


def _codes(keys: pd.DataFrame, levels: list[pd.Index]) -> np.ndarray:
    """Make one number of each key; -1 where a value is not among the levels. Joins on small numbers are fast."""
    code = np.zeros(len(keys), dtype="int64")
    unknown = np.zeros(len(keys), dtype=bool)
    for (_, values), level in zip(keys.items(), levels, strict=True):
        numbers, distinct = pd.factorize(values)
        position = np.append(level.get_indexer(distinct), -1)[numbers]  # a missing value has the number -1
        unknown |= position < 0
        code = code * (len(level) + 1) + position
    code[unknown] = -1
    return code


def joined_columns(
    main: Resource, joins: list[str], schema: Mapping[str, Resource], where: str
) -> dict[str, tuple[str, str]]:
    """Where the columns of the joined table come from: name -> (table, column there).

    Raises:
        ProjectError: a table that the contract does not have, or a name that two columns would share.
    """
    columns = {name: (main.name, name) for name in main.columns()}
    for join in joins:
        if join not in schema:
            raise ProjectError(where, f"no table `{join}` in contract.yaml", nearest(join, schema, "tables"))
        references = {
            name
            for key in main.table_schema.foreignKeys
            if key.reference.resource == join
            for name in key.reference.fields
        }
        for name in schema[join].columns():
            prefixed = f"{join}_{name}"
            if name in references:
                continue
            if prefixed in columns:
                raise ProjectError(
                    where,
                    f"two columns would be named `{prefixed}`",
                    "Rename one of them in the contract and the file.",
                )
            columns[prefixed] = (join, name)
    return columns
