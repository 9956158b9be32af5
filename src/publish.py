"""Publish: put data, model and metadata in one folder that a stranger can find, trust and use again."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import features as feature_functions
from pipeline import citation, contract, params, stage
from pipeline.derive import functions_of
from pipeline.lineage import marked_columns
from pipeline.metadata import data_package, describe_columns
from pipeline.ready import read_parts
from pipeline.tables import new_folders

READY, BUNDLE = Path("data/ready"), Path("data/published")
PART = "The part of the data that the row belongs to: the model learned from train, and was judged by test"
COPIES = {
    "model.skops": Path("models/model.skops"),
    "CITATION.cff": citation.FILE,
    "LICENSE": Path("LICENSE"),
    "params.yaml": params.FILE,
    "contract.yaml": contract.FILE,
    "ledger.json": Path("metrics/ledger.json"),
    "train.json": Path("metrics/train.json"),
    "evaluate.json": Path("metrics/evaluate.json"),
}


def main() -> None:
    settings, transform = params.load("publish", "transform")
    package = contract.load()
    personal = marked_columns("personal", package.raw(), package.ready(), transform, functions_of(feature_functions))
    with new_folders(BUNDLE):
        dtypes = write_data(published_parts(set(personal)), BUNDLE / settings.name)
        for name, source in COPIES.items():
            shutil.copyfile(source, BUNDLE / name)
        fields = describe_columns(package, transform, {name: dtype for name, dtype in dtypes.items() if name != "part"})
        part = {"name": "part", "type": "string", "description": PART, "constraints": {"enum": ["train", "test"]}}
        missing = {"csv": [""], "parquet": ["", "nan"]}  # frictionless reads a missing value in Parquet as nan
        resources = [
            {
                "name": settings.name if format == "csv" else f"{settings.name}-{format}",
                "type": "table",
                "path": f"{settings.name}.{format}",
                "format": format,
                "schema": {"fields": [*fields, part], "missingValues": missing[format]},
            }
            for format in missing
        ]
        _write_json(BUNDLE / "datapackage.json", data_package(package, resources))
        write_checksums(BUNDLE)


def published_parts(personal: set[str]) -> Iterator[pd.DataFrame]:
    """The ready table part by part, training part first, with a column `part` and without personal columns."""
    for side in ("train", "test"):
        for table in read_parts(READY / side):
            yield table.drop(columns=list(personal & set(table.columns))).assign(
                part=pd.Series(side, table.index, "str")
            )


def write_data(parts: Iterator[pd.DataFrame], stem: Path) -> dict[str, str]:
    """Write parts as one CSV and one Parquet file; return column -> pandas dtype."""
    csv = parquet = None
    dtypes: dict[str, str] = {}
    for part in parts:
        table = pa.Table.from_pandas(part, preserve_index=False, nthreads=1)
        if csv is None or parquet is None:
            dtypes = {name: str(dtype) for name, dtype in part.dtypes.items()}
            csv = pa.csv.CSVWriter(
                stem.with_name(f"{stem.name}.csv"),
                table.schema,
                write_options=pa.csv.WriteOptions(quoting_style="needed"),
            )
            parquet = pq.ParquetWriter(stem.with_name(f"{stem.name}.parquet"), table.schema, compression="zstd")
        csv.write_table(table)
        parquet.write_table(table)
    csv.close()
    parquet.close()
    return dtypes


def write_checksums(folder: Path) -> None:
    """List the sha256 of every file in a folder, in the form that `sha256sum --check` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    ]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    stage.run(main)
