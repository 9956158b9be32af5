"""Refuse results that differ: every cell of every table in the same place, and what was counted.

    python benchmarks/flights/compare.py FOLDER OTHER [any-order]

With `any-order` the columns are compared by their sums. The rows of the training part were drawn at random, by each
tool in its own way, so of them only the classes are compared, by their counts.
"""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TABLES = "clean/flights", "clean/weather", "clean/planes", "rejected/flights", "features", "ready/test"
DRAWN = "ready/train"


def main(folder: Path, other: Path, same: Callable[[pa.ChunkedArray, pa.ChunkedArray], bool]) -> None:
    for name in TABLES:
        compare_tables(folder / "data" / name, other / "data" / name, same)
    drawn = [classes(path / "data" / DRAWN) for path in (folder, other)]
    if drawn[0] != drawn[1]:
        raise SystemExit(f"{DRAWN}: {drawn[0]} rows of each class against {drawn[1]}")
    for name in ("ledger", "transform", "serve"):
        mine, theirs = (json.loads((path / f"metrics/{name}.json").read_text("utf-8")) for path in (folder, other))
        compare_numbers(mine, theirs, f"{name}.json")


def compare_tables(folder: Path, other: Path, same: Callable[[pa.ChunkedArray, pa.ChunkedArray], bool]) -> None:
    """Compare two folders of Parquet column by column, whatever the order of the columns."""
    names = {path: sorted(pq.ParquetDataset(path).schema.names) for path in (folder, other)}
    if names[folder] != names[other]:
        raise SystemExit(f"{folder} has the columns {names[folder]}, {other} {names[other]}")
    for name in names[folder]:
        mine, theirs = (read_column(path, name) for path in (folder, other))
        if not same(mine, theirs):
            raise SystemExit(f"{folder} and {other} differ in `{name}`: {len(mine)} rows, {len(theirs)} rows")


def read_column(folder: Path, name: str) -> pa.ChunkedArray:
    """Read a column; numbers as float64, as plain pandas has whole numbers once one is missing."""
    values = pq.read_table(folder, columns=[name])[name]
    if pa.types.is_integer(values.type):
        return values.cast(pa.float64())
    return values.cast(pa.large_string()) if pa.types.is_string(values.type) else values


def same_sums(mine: pa.ChunkedArray, theirs: pa.ChunkedArray) -> bool:
    """Whether there are as many values, as many of them missing; of numbers the same sum, of texts the same counts."""
    if (len(mine), mine.null_count, mine.type) != (len(theirs), theirs.null_count, theirs.type):
        return False
    if pa.types.is_large_string(mine.type):
        counts = (pc.value_counts(values.drop_null()).to_pylist() for values in (mine, theirs))
        one, two = ({count["values"]: count["counts"] for count in values} for values in counts)
        return one == two
    if pa.types.is_timestamp(mine.type):
        mine, theirs = mine.cast(pa.int64()), theirs.cast(pa.int64())
    one, two = (pc.sum(values.cast(pa.float64(), safe=False)).as_py() for values in (mine, theirs))
    return one == two or math.isclose(one, two)


def classes(folder: Path) -> dict[bool, int]:
    counts = pc.value_counts(pq.read_table(folder, columns=["late"])["late"]).to_pylist()
    return {count["values"]: count["counts"] for count in counts}


def compare_numbers(mine: Any, theirs: Any, where: str) -> None:
    """Compare what stands in both: ours may say more."""
    if isinstance(theirs, dict):
        for key, value in theirs.items():
            compare_numbers(mine[key], value, f"{where}: {key}")
    elif mine != theirs and not (isinstance(mine, float) and math.isclose(mine, theirs)):
        raise SystemExit(f"{where}: {mine} against {theirs}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), same_sums if "any-order" in sys.argv else pa.ChunkedArray.equals)
