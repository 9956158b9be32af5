"""The tables of the bundle: the ready data, the predictions and, if asked for, the rejected rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from pipeline.bundle.facts import Table
from pipeline.contract import Contract
from pipeline.errors import ProjectError
from pipeline.lineage import marked_columns
from pipeline.metadata import describe_columns, describe_raw
from pipeline.params import Params
from pipeline.ready import read_parts
from pipeline.tables import DTYPES, part_paths, read_part

READY, PREDICTIONS, REJECTED = Path("data/ready"), Path("data/predictions"), Path("data/rejected")
PART = "The part of the data that the row belongs to: the model learned from train, and was judged by test"
REASONS = {
    "broken_rules": "The rules of params.yaml that the row broke",
    "source_file": "The file that the row came in",
    "source_row": "The number of the row in it",
}


def withheld_columns(package: Contract, settings: Params, functions: Mapping[str, Any]) -> dict[str, list[str]]:
    """Columns of the ready table that stay at home: personal, of a table that is left out, or derived from such a one.

    Returns:
        Column -> how it came to that, such as letter -> [letter, guest].
    """
    out = settings.publish.leave_out
    raw = package.raw()
    marked = {
        name: table.model_copy(
            update={
                "table_schema": table.table_schema.model_copy(
                    update={"fields": [f.model_copy(update={"personal": True}) for f in table.table_schema.fields]}
                )
            }
        )
        if name in out
        else table
        for name, table in raw.items()
    }
    return marked_columns("personal", marked, package.ready(), settings.transform, functions)


def refuse_personal_model(withheld: Mapping[str, list[str]], settings: Params, dtypes: Mapping[str, str]) -> None:
    """Refuse a model whose file would hold texts that stay at home: it keeps the values of each column of text.

    Raises:
        ProjectError: names the column, and how it came to be withheld.
    """
    for name in [*settings.serve.inputs, settings.serve.target]:
        if name in withheld and dtypes[name] == "str":
            because = " <- ".join(withheld[name])
            problem = f"`{name}` stays out of the bundle ({because}), but the model keeps all its values"
            raise ProjectError("params.yaml: serve", problem, "Take it out of inputs and target, or derive numbers.")


def write_ready(folder: Path, package: Contract, settings: Params, withheld: Iterable[str]) -> Table:
    """Write the ready table, train first, with a column `part` that says which is which."""

    def parts() -> Iterator[pd.DataFrame]:
        for side in ("train", "test"):
            for table in read_parts(READY / side):
                kept = table.drop(columns=list(set(withheld) & set(table.columns)))
                yield kept.assign(part=pd.Series(side, kept.index, "str"))

    dtypes, rows = write_table(parts(), folder / settings.publish.name)
    fields = describe_columns(package, settings.transform, {n: dtype for n, dtype in dtypes.items() if n != "part"})
    part = {"name": "part", "type": "string", "description": PART, "constraints": {"enum": ["train", "test"]}}
    ready = package.ready()
    keys = package.raw()[settings.transform.table].table_schema.primaryKey
    return Table(
        settings.publish.name,
        (ready and ready.title) or "Ready data",
        (ready and ready.description) or "One row an example, with what the model reads and what it predicts.",
        [*fields, part],
        rows,
        keys if set(keys) <= set(dtypes) else [],
    )


def write_predictions(folder: Path, ready: Table, target: str, withheld: Iterable[str]) -> Table | None:
    """Write what the model says of each row of the test part; None where the target stays at home."""
    if target in withheld:
        return None
    known = {field["name"]: field for field in ready.fields}

    def parts() -> Iterator[pd.DataFrame]:
        for path in part_paths(PREDICTIONS):
            table = read_part(path)
            yield table.drop(columns=list(set(withheld) & set(table.columns)))

    dtypes, rows = write_table(parts(), folder / "predictions")
    fields = [known.get(name) or _predicted(name, dtype, known[target]) for name, dtype in dtypes.items()]
    keys = ready.keys if set(ready.keys) <= set(dtypes) else []
    about = f"One row a row of the test part, in its order: `{target}` as it was, and as the model says."
    return Table("predictions", "Predictions on the test part", about, fields, rows, keys)


def _predicted(name: str, dtype: str, target: Mapping[str, Any]) -> dict[str, Any]:
    unit = {"unit": target["unit"]} if "unit" in target else {}
    type_ = {dtype: type_ for type_, dtype in DTYPES.items() if type_ not in ("year", "date")}[dtype]
    if name.startswith("probability_"):
        about = f"Probability of `{name.removeprefix('probability_')}` by the model"
        return {"name": name, "type": type_, "description": about, "constraints": {"minimum": 0, "maximum": 1}}
    about = {"actual": f"`{target['name']}` as it was", "predicted": f"`{target['name']}` as the model says"}
    return {"name": name, "type": type_, "description": about.get(name, name), **unit}


def write_rejected(folder: Path, package: Contract, left_out: Sequence[str]) -> Iterator[Table]:
    """Write the rows that cleaning rejected, table by table, without personal columns."""
    for name, raw in package.raw().items():
        if name in left_out or not part_paths(REJECTED / name):
            continue
        personal = raw.marked("personal")
        frames = (read_part(path) for path in part_paths(REJECTED / name))
        kept = (frame.drop(columns=list(personal & set(frame.columns))) for frame in frames)
        dtypes, rows = write_table(kept, folder / f"rejected-{name}")
        fields = [
            {**field, "description": REASONS[field["name"]]} if field["name"] in REASONS else field
            for field in describe_raw(raw, dtypes)
        ]
        about = f"Rows of `{name}` that broke a rule of cleaning, each with its rules and its place in the source."
        yield Table(f"rejected-{name}", f"Rejected rows of {raw.title or name}", about, fields, rows, [])


def write_table(parts: Iterator[pd.DataFrame], stem: Path) -> tuple[dict[str, str], int]:
    """Write parts as one CSV and one Parquet file; return column -> pandas dtype, and the number of rows."""
    csv = parquet = None
    dtypes: dict[str, str] = {}
    rows = 0
    for part in parts:
        table = pa.Table.from_pandas(part, preserve_index=False, nthreads=1)
        if csv is None or parquet is None:
            dtypes = {name: str(dtype) for name, dtype in part.dtypes.items()}
            options = pa.csv.WriteOptions(quoting_style="needed")
            csv = pa.csv.CSVWriter(stem.with_name(f"{stem.name}.csv"), table.schema, write_options=options)
            parquet = pq.ParquetWriter(stem.with_name(f"{stem.name}.parquet"), table.schema, compression="zstd")
        csv.write_table(table)
        parquet.write_table(table)
        rows += len(part)
    if csv is None or parquet is None:
        raise ProjectError(str(stem.name), "no parts to publish", "Run `dvc repro`, or `dvc pull`.")
    csv.close()
    parquet.close()
    return dtypes, rows
