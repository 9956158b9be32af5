"""A table is a folder of Parquet parts in a fixed order; this module is all that knows how they are stored."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ProjectError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Contract type -> pandas dtype. Times with a zone are converted to UTC and stored without one.
DTYPES = {
    "integer": "Int64",
    "year": "Int64",
    "number": "float64",
    "string": "str",
    "boolean": "boolean",
    "date": "datetime64[us]",
    "datetime": "datetime64[us]",
}


@contextmanager
def new_folders(*folders: Path) -> Iterator[None]:
    """Make empty folders to write in, and take them away if that fails: nothing half-written is left."""
    try:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        yield
    except BaseException:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def part_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}.parquet"


def part_paths(folder: Path) -> list[Path]:
    """The parts of a table, in order: after part-99999 comes part-100000."""
    return sorted(folder.glob("part-*.parquet"), key=lambda path: (len(path.name), path.name))


def read_part(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read one part, or some of its columns, in the order asked for."""
    return to_pandas(pq.read_table(path, columns=list(columns) if columns is not None else None, use_threads=False))


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Convert to the dtypes of DTYPES; the Arrow types are those that they are written as, of any width."""
    frame = table.to_pandas(ignore_metadata=True, types_mapper=_DTYPE_OF.get, use_threads=False)
    times = [
        name for name in frame.columns if frame[name].dtype.kind == "M" and frame[name].dtype != DTYPES["datetime"]
    ]
    return frame.astype(dict.fromkeys(times, DTYPES["datetime"])) if times else frame


_DTYPE_OF = {
    **dict.fromkeys((pa.int8(), pa.int16(), pa.int32(), pa.int64()), pd.Int64Dtype()),
    **dict.fromkeys((pa.string(), pa.large_string()), pd.StringDtype(na_value=float("nan"))),
    pa.bool_(): pd.BooleanDtype(),
}


def write_part(frame: pd.DataFrame, path: Path) -> None:
    """Write one part; the index is left out, and the same frame always gives the same bytes.

    pandas' own notes stay in the file, so that a plain `pd.read_parquet` gives Int64 and boolean back.
    """
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False, nthreads=1), path, compression="zstd")


def read_table(folder: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a whole table into memory: for small tables, and for single columns of large ones.

    Raises:
        ProjectError: there is no such table.
    """
    if not part_paths(folder):
        raise ProjectError(str(folder), "no table", "The stage before writes it: run `dvc repro`.")
    return pd.concat(map_parts(lambda path: read_part(path, columns), part_paths(folder)), ignore_index=True)


def column_names(folder: Path) -> list[str]:
    """Columns of a table, from the footer of its first part."""
    return pq.read_schema(part_paths(folder)[0]).names


def count_rows(folder: Path) -> int:
    """Rows of a table, from the footers of its parts."""
    return sum(pq.read_metadata(path).num_rows for path in part_paths(folder))


def count_missing(folder: Path, column: str) -> int:
    """Missing values of a column, from the footers of its table's parts."""
    footers = [pq.read_metadata(path) for path in part_paths(folder)]
    return sum(
        footer.row_group(group).column(footer.schema.names.index(column)).statistics.null_count
        for footer in footers
        for group in range(footer.num_row_groups)
        if footer.num_rows  # without rows there are no statistics
    )


def map_parts(function: Callable[[Item], Result], items: Iterable[Item], label: str = "") -> list[Result]:
    """Call a function for each part, as many at a time as there are processors; results keep the order of the parts.

    Threads, not processes: pandas and pyarrow let go of Python's lock where the time goes, so two cores are used,
    and nothing is left behind when the stage is killed.

    Args:
        label: what is being done, for the line of progress that a terminal shows.
    """
    items = list(items)
    with ThreadPoolExecutor(max_workers=_processors()) as pool:
        results: list[Any] = []
        try:
            for result in pool.map(function, items):
                results.append(result)
                _show_progress(label, len(results), len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _show_progress(label: str, done: int, total: int) -> None:
    if label and total > 1 and sys.stderr.isatty():
        print(f"\r{label}: part {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
