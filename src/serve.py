"""Serve: divide the rows into a training and a test part, balance the first, and write both as the model reads them."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

import features as feature_functions
from pipeline import params, stage
from pipeline.contract import RAW_SCHEMA, READY, READY_SCHEMA, load_schema
from pipeline.derive import functions_of
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.lineage import marked_columns, refuse_hindsight, sources_of
from pipeline.params import Serve
from pipeline.ready import part_path, write_ready_part, write_schema
from pipeline.splitting import TEST, WHERE, is_test, ready_columns, training_copies, uniform
from pipeline.tables import map_parts, new_folders, part_paths, read_part, read_table
from pipeline.violations import find_violations, has_constraints, refuse

FEATURES, READY_FOLDER, METRICS = Path("data/features"), Path("data/ready"), Path("metrics/serve.json")


def main() -> None:
    seed, partition_rows, transform = params.load("seed", "partition_rows", "transform")
    settings, slices = params.load("serve", "evaluate.slices")
    schema, ready = load_schema(RAW_SCHEMA), load_schema(READY_SCHEMA).get(READY)
    functions = functions_of(feature_functions)
    hindsight = marked_columns("hindsight", schema, ready, transform, functions)
    if errors := refuse_hindsight(settings.inputs, hindsight):
        raise ProjectErrors(errors)
    parts = part_paths(FEATURES)
    rows = [pq.read_metadata(path).num_rows for path in parts]
    key = schema[transform.table].table_schema.primaryKey
    sources = sources_of(settings.inputs, transform, functions)
    columns = ready_columns(settings, slices, key, list(pq.read_schema(parts[0]).names), sources)
    target = read_table(FEATURES, [settings.target])[settings.target]
    copies = plan_copies(target, settings, key, seed)
    report = count_sides(target, copies)

    numbers = {side: itertools.count() for side in ("train", "test")}
    tasks = []
    for path, first, count in zip(parts, np.cumsum([0, *rows[:-1]]), rows, strict=True):
        chunks = list(ready_chunks(copies[first : first + count], partition_rows))
        tasks.append((path, first, [(side, next(numbers[side]), positions) for side, positions in chunks]))
    personal = marked_columns("personal", schema, ready, transform, functions)
    fields = [
        field.model_copy(update={"personal": field.name in personal})
        for field in (ready.table_schema.fields if ready else [])
        if has_constraints(field) and field.name in columns
    ]

    def write_chunks(task: tuple) -> Any:
        path, first, chunks = task
        table = read_part(path, columns)
        for side, number, positions in chunks:
            write_ready_part(table.take(positions), part_path(READY_FOLDER / side, number, settings.format))
        return find_violations(table, fields, first + 1)

    with new_folders(READY_FOLDER, *(READY_FOLDER / side for side in numbers)):
        found = map_parts(write_chunks, tasks, "serve")
        refuse(
            found, str(FEATURES), "Clean such rows by a rule in params.yaml, or change the bound in the table `ready`."
        )
        write_schema(read_part(parts[0], columns).head(0), READY_FOLDER)
    METRICS.parent.mkdir(exist_ok=True)
    METRICS.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def plan_copies(target: pd.Series, settings: Serve, key: list[str], seed: int) -> np.ndarray:
    """Say for each row of data/features on which side it stands, and how often; see splitting.training_copies.

    Args:
        target: of all rows, shape (n,).

    Raises:
        ProjectError: rows without a target, or no way to split as params say.
    """
    if len(target) == 0:
        raise ProjectError(str(FEATURES), "no rows are left", "metrics/ledger.json says which rules rejected them.")
    if target.isna().any():
        problem = f"`{settings.target}` is missing in {target.isna().sum()} of {len(target)} rows"
        raise ProjectError(
            f"{WHERE}.target", problem, "Drop them by a rule in `clean` (drop_missing), so that the ledger tells of it."
        )
    if settings.split.by == "key" and not key:
        raise ProjectError(
            "contract.yaml: primaryKey",
            "the main table has none, but serve.split goes by key",
            "State it, or split by row.",
        )
    deciding = {"key": key, "row": None}.get(settings.split.by, [settings.split.column])
    rows = read_table(FEATURES, deciding) if deciding else target.index.to_frame()
    test = is_test(rows, settings.split, seed)
    if settings.balance == "none":
        return training_copies(target, test, np.empty(0), "none")
    return training_copies(target, test, draw(len(target), key, seed), settings.balance)


def draw(rows: int, key: list[str], seed: int) -> np.ndarray:
    """A random number for each row of data/features: by its key, or by its number where the table has none."""
    if not key:
        return uniform(pd.RangeIndex(rows).to_frame(), seed)
    return np.concatenate(map_parts(lambda path: uniform(read_part(path, key), seed), part_paths(FEATURES)))


def ready_chunks(copies: np.ndarray, rows: int):
    """Cut the rows of one part into chunks of one side and at most `rows` rows.

    Yields:
        `train` or `test`, and the positions of the chunk's rows in the part; a copied row stands several times.
    """
    train = np.repeat(np.arange(len(copies)), np.maximum(copies, 0))
    for side, positions in (("train", train), ("test", np.flatnonzero(copies == TEST))):
        for start in range(0, len(positions), rows):
            yield side, positions[start : start + rows]


def count_sides(target: pd.Series, copies: np.ndarray) -> dict[str, Any]:
    """Rows of both sides, and of each class if the target has few values."""
    codes, classes = pd.factorize(target, sort=True)
    sides = {"train": np.maximum(copies, 0), "test": copies == TEST}
    report: dict[str, Any] = {}
    for side, weights in sides.items():
        report[f"{side}_rows"] = int(weights.sum())
        if target.dtype.kind != "f" and len(classes) <= 20:
            counts = np.bincount(codes, weights).astype(int).tolist()
            report[f"{side}_classes"] = dict(zip(classes.astype("str"), counts, strict=True))
    return report


if __name__ == "__main__":
    stage.run(main)
