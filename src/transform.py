"""Transform: join the tables along the contract's foreign keys and derive the features of params.yaml."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

import features as feature_functions
from pipeline import params, stage
from pipeline.contract import RAW_SCHEMA, load_schema
from pipeline.derive import Entry, Functions, derive, functions_of
from pipeline.errors import ProjectError, nearest
from pipeline.joins import Lookup, join_part, open_lookup
from pipeline.tables import count_rows, map_parts, new_folders, part_paths, read_part, write_part

CLEAN, FEATURES, METRICS = Path("data/clean"), Path("data/features"), Path("metrics/transform.json")
WHERE = "params.yaml: transform"


def main() -> None:
    settings = params.load("transform")
    schema = load_schema(RAW_SCHEMA)
    for name in (settings.table, *settings.joins):
        if name not in schema:
            raise ProjectError(WHERE, f"no table `{name}` in contract.yaml", nearest(name, schema, "tables"))
    main_table = schema[settings.table]
    lookups = [open_lookup(main_table, schema[name], CLEAN / name) for name in settings.joins]
    functions = functions_of(feature_functions)

    def transform_and_write(path: Path) -> dict[str, int]:
        table, unmatched = transform_part(read_part(path), lookups, settings.features, functions)
        write_part(table, FEATURES / path.name)
        return unmatched

    with new_folders(FEATURES):
        counts = map_parts(transform_and_write, part_paths(CLEAN / settings.table), "transform")
    unmatched = {lookup.name: sum(count[lookup.name] for count in counts) for lookup in lookups}
    report = {"rows": count_rows(FEATURES), "unmatched_rows": unmatched}
    METRICS.parent.mkdir(exist_ok=True)
    METRICS.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def transform_part(
    table: pd.DataFrame, lookups: list[Lookup], features: Mapping[str, Entry], functions: Functions
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Join and derive some rows of the main table.

    Args:
        table: cleaned rows, shape (n, columns of the main table).

    Returns:
        The rows with the joined and the derived columns, shape (n, …), in the same order; and right table -> rows
        that found no match there.

    Raises:
        ProjectErrors: a feature names a column that the joined table lacks.
    """
    joined, unmatched = join_part(table, lookups)
    return derive(joined, features, functions), unmatched


if __name__ == "__main__":
    stage.run(main)
