"""The ready data: train and test as Parquet, CSV or JSON lines; each gives back the same values and types."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json

from pipeline import tables
from pipeline.errors import ProjectError, nearest

SCHEMA = "schema.json"  # beside the folders of the parts: CSV and JSON say no types
SUFFIXES = {"parquet": ".parquet", "csv": ".csv", "json": ".jsonl"}  # serve.format -> how a part's name ends

ARROW_TYPES = {
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "str": pa.string(),
    "boolean": pa.bool_(),
    "datetime64[us]": pa.timestamp("us"),
}


def write_schema(frame: pd.DataFrame, folder: Path) -> None:
    """Write the types of the columns to `schema.json` in the folder that holds train and test."""
    dtypes = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    (folder / SCHEMA).write_text(json.dumps(dtypes, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def part_path(folder: Path, number: int, format: str) -> Path:
    """The path of a part in a format of `serve.format`: part-00000.csv."""
    return tables.part_path(folder, number).with_suffix(SUFFIXES[format])


def write_ready_part(frame: pd.DataFrame, path: Path) -> None:
    """Write one part in the format that its suffix says.

    Text in CSV is quoted, so that empty text differs from no text. JSON lines hold times as ISO 8601.

    Raises:
        ProjectError: infinite numbers, which JSON has not.
    """
    _WRITERS[path.suffix](frame, path)


def read_ready(folder: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read train or test, shape (n, columns), with the types of `schema.json` whatever the format.

    Raises:
        ProjectError: no data there, or a column that they lack.
    """
    return pd.concat(read_parts(folder, columns), ignore_index=True)


def read_parts(folder: Path, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read train or test part by part; see read_ready."""
    paths = sorted(path for path in folder.glob("part-*") if path.suffix in _READERS)
    remedy = "Run `dvc repro serve`, or `dvc pull`."
    try:
        schema = json.loads((folder.parent / SCHEMA).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(str(folder.parent / SCHEMA), "no such file", remedy) from None
    if not paths:
        raise ProjectError(str(folder), "no parts (part-00000.parquet, …)", remedy)
    for name in columns or []:
        if name not in schema:
            raise ProjectError(str(folder), f"no column `{name}`", f"{nearest(name, schema, 'columns')}\n  {remedy}")
    names = list(schema if columns is None else columns)
    types = pa.schema([(name, ARROW_TYPES[schema[name]]) for name in schema])
    for path in paths:
        yield _READERS[path.suffix](path, names, types)


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    pa.csv.write_csv(_to_arrow(frame), path, pa.csv.WriteOptions(quoting_style="needed"))


def _read_csv(path: Path, names: list[str], types: pa.Schema) -> pd.DataFrame:
    convert = pa.csv.ConvertOptions(
        column_types=types,
        include_columns=names,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    return tables.to_pandas(pa.csv.read_csv(path, parse_options=parse, convert_options=convert))


def _write_json(frame: pd.DataFrame, path: Path) -> None:
    lines = json_lines(frame)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)


def json_lines(frame: pd.DataFrame) -> Iterator[str]:
    """The rows as lines of JSON; see write_ready_part."""
    for name, column in frame.items():
        if column.dtype.kind == "f" and np.isinf(column).any():
            problem = f"`{name}` holds infinite numbers, which JSON has not"
            raise ProjectError("params.yaml: serve.format", problem, "Use parquet or csv, or blank them in clean.")
    columns = [
        (pc.strftime(column, "%Y-%m-%dT%H:%M:%S") if pa.types.is_timestamp(column.type) else column).to_pylist()
        for column in _to_arrow(frame).columns
    ]
    names = list(frame)
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return (encode(dict(zip(names, row, strict=True))) + "\n" for row in zip(*columns, strict=True))


def _read_json(path: Path, names: list[str], types: pa.Schema) -> pd.DataFrame:
    if path.stat().st_size == 0:
        return tables.to_pandas(types.empty_table())[names]
    read = pa.json.ReadOptions(block_size=64 << 20)  # a row has to fit in
    parse = pa.json.ParseOptions(explicit_schema=types, unexpected_field_behavior="error")
    return tables.to_pandas(pa.json.read_json(path, read, parse))[names]


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".parquet": tables.write_part,
    ".csv": _write_csv,
    ".jsonl": _write_json,
}
_READERS: dict[str, Callable[[Path, list[str], pa.Schema], pd.DataFrame]] = {
    ".parquet": lambda path, names, types: tables.read_part(path, names),
    ".csv": _read_csv,
    ".jsonl": _read_json,
}
