"""Keys of tables: which rows repeat one, and the promise that a primary key names one row."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.contract import Resource
from pipeline.errors import ProjectError
from pipeline.tables import column_names, count_missing, map_parts, read_table

SHOWN = 3
HASHED = 250_000  # rows at a time


def repeated_rows(keys: pd.DataFrame, keep: Literal["first", "last", "none"] = "first") -> np.ndarray:
    """The labels of the rows whose values another row has, but for the one to keep; missing values equal each other.

    Rows are compared by a 64-bit hash of their values; the few that share one are then compared by the values.
    """
    hashes = hash_rows(keys)
    ordered = np.sort(hashes)
    shared = ordered[1:][ordered[1:] == ordered[:-1]]
    suspects = keys[pd.Series(hashes).isin(shared).to_numpy()]
    return suspects.index[suspects.duplicated(keep=False if keep == "none" else keep)].to_numpy()


def hash_rows(rows: pd.DataFrame) -> np.ndarray:
    """A 64-bit hash of each row's values."""
    starts = range(0, max(len(rows), 1), HASHED)
    some = [rows.iloc[start : start + HASHED] for start in starts]
    return np.concatenate(map_parts(lambda part: pd.util.hash_pandas_object(part, index=False).to_numpy(), some))


def check_key(table: Resource, folder: Path, known_unique: list[list[str]] | None = None) -> None:
    """Check that the contract's primary key and `unique` columns hold in a cleaned table.

    Args:
        known_unique: columns of which a rule has made sure already that their values do not repeat.

    Raises:
        ProjectError: a key is missing or repeats (the first three such keys are shown, personal values masked), or a
            column of it was dropped.
    """
    schema = table.table_schema
    keys = [schema.primaryKey] if schema.primaryKey else []
    keys += [[field.name] for field in schema.fields if field.constraints.unique and [field.name] not in keys]
    columns = column_names(folder)
    for key in keys:
        for name in set(key) - set(columns):
            problem = f"cleaning dropped `{name}`, which belongs to the key ({', '.join(key)})"
            raise ProjectError(f"contract.yaml: {table.name}", problem, "Keep the column, or choose another key.")
        primary = key == schema.primaryKey
        complete = all(count_missing(folder, name) == 0 for name in key)
        if any(set(unique) <= set(key) for unique in known_unique or ()) and (complete or not primary):
            continue
        values = read_table(folder, key)
        missing = values.isna().any(axis=1)
        if primary and missing.any():
            raise _broken(table, key, values[missing], f"is missing in {missing.sum()} rows", "drop_missing")
        repeated = repeated_rows(values if primary else values[~missing])
        if len(repeated):
            raise _broken(table, key, values.loc[repeated], f"repeats in {len(repeated)} rows", "drop_duplicates")


def _broken(table: Resource, key: list[str], rows: pd.DataFrame, problem: str, rule: str) -> ProjectError:
    return ProjectError(
        f"contract.yaml: {table.name}: the key ({', '.join(key)})",
        f"{problem} after cleaning, such as: {show_rows(table, rows)}",
        f"Add a rule `{rule}` to clean.{table.name} in params.yaml, or choose another key.",
    )


def show_rows(table: Resource, rows: pd.DataFrame) -> str:
    """The first rows in words, for a message; personal values masked."""
    masked = table.marked("personal")
    return "; ".join(
        ", ".join(
            "•••" if name in masked else "(none)" if pd.isna(value) else str(value) for name, value in row.items()
        )
        for row in rows.head(SHOWN).to_dict("records")
    )
