"""Clean: apply the rules of params.yaml to each raw table; nothing is lost, what is rejected keeps its reasons."""

import itertools
import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import rules as rule_functions
from pipeline import params, stage
from pipeline.cleaning import (
    WHERE,
    Cleaned,
    Measured,
    Rule,
    before_phase,
    clean_part,
    measure_phases,
    parse_tables,
    rules_before,
)
from pipeline.contract import RAW_SCHEMA, Resource, load_schema
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.keys import check_key
from pipeline.raw import RawPart, RawTable, open_raw
from pipeline.tables import count_rows, map_parts, new_folders, part_path, write_part

RAW, CLEAN, REJECTED = Path("data/raw"), Path("data/clean"), Path("data/rejected")
LEDGER, LEDGER_PLOT = Path("metrics/ledger.json"), Path("metrics/ledger.csv")
MASKED = "•••"


def main() -> None:
    entries, partition_rows = params.load("clean", "partition_rows")
    schema = load_schema(RAW_SCHEMA)
    rules = parse_tables(entries, schema, vars(rule_functions))
    ledger: dict[str, Any] = {}
    errors: list[ProjectError] = []
    LEDGER.unlink(missing_ok=True)
    LEDGER_PLOT.unlink(missing_ok=True)
    with new_folders(CLEAN, REJECTED):
        for name, table in schema.items():
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    raw = open_raw(table, RAW / name, Path(scratch), partition_rows)
                    ledger[name] = clean_table(table, raw, rules[name], CLEAN / name, REJECTED / name)
                except ProjectError as mistake:
                    errors.append(mistake)
        if errors:
            raise ProjectErrors(errors)
    LEDGER.parent.mkdir(exist_ok=True)
    text = json.dumps(ledger, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    LEDGER.write_text(text + "\n", encoding="utf-8")
    ledger_bars(ledger).to_csv(LEDGER_PLOT, index=False, lineterminator="\n")


def clean_table(table: Resource, raw: RawTable, rules: list[Rule], clean: Path, rejected: Path) -> dict[str, Any]:
    """Clean all parts of one table, write what is kept and what is rejected, and return the table's ledger.

    Raises:
        ProjectError: a rule failed, its parts do not fit together, or the key repeats or is missing in the rows kept.
        RuntimeError: rows in are not rows kept plus rows rejected: a bug here, never a mistake of the user's.
    """

    def columns_before(phase: str, columns: list[str], measured: Measured) -> pd.DataFrame:
        acting = rules_before(phase, columns, rules)
        read = list(dict.fromkeys([*columns, *(column for rule in acting for column in rule.columns())]))
        frames = map_parts(lambda part: before_phase(part.read(read), phase, acting, measured)[columns], raw.parts)
        whole = {name: pd.concat([frame.pop(name) for frame in frames]) for name in columns}  # frees them one by one
        return pd.DataFrame(whole, copy=False)

    measured = measure_phases(rules, columns_before)
    clean.mkdir(parents=True)
    rejected.mkdir(parents=True)

    def clean_and_write(numbered: tuple[int, RawPart]) -> list[Cleaned]:
        first, part = numbered
        results = []
        for number, rows in enumerate(part.pieces(raw.columns), first):
            result = clean_part(rows, rules, measured)
            _check_finite(table, result.kept)
            write_part(result.kept, part_path(clean, number))
            source_row = result.rejected.index - part.row + part.source_row
            broken = result.rejected.assign(source_file=part.source, source_row=source_row)
            write_part(broken, part_path(rejected, number))
            nothing = result.kept.iloc[[]]  # unlike head(0) it holds on to no memory
            results.append(replace(result, kept=nothing, rejected=nothing))
        return results

    numbers = itertools.accumulate((part.count_pieces() for part in raw.parts), initial=0)
    written = map_parts(clean_and_write, zip(numbers, raw.parts, strict=False), f"clean {table.name}")
    results = list(itertools.chain.from_iterable(written))
    _check_alike(table, [result.kept for result in results])
    kept, gone = count_rows(clean), count_rows(rejected)
    if kept + gone != raw.rows:
        raise RuntimeError(f"{table.name}: {raw.rows} rows in, but {kept} kept + {gone} rejected")
    changed_later = {rule.column for rule in rules if rule.phase in ("blank", "fill")}
    distinct = [rule.columns() for rule in rules if rule.function is rule_functions.drop_duplicates]
    check_key(table, clean, [columns for columns in distinct if changed_later.isdisjoint(columns)])
    return {
        "rows_in": raw.rows,
        "rows_kept": kept,
        "rows_rejected": gone,
        "columns_not_in_contract": raw.columns_not_in_contract,
        "rules": {rule.name: _rule_entry(rule.name, rules, results, measured) for rule in rules},
    }


def ledger_bars(ledger: Mapping[str, Any]) -> pd.DataFrame:
    """The bars that `dvc plots` draws of the ledger.

    Returns:
        One row a rule, in the order of their names: `rule` (`table.rule`), `phase`, and `count`: the rows that it hit
        in the phase reject, the cells that it changed in the others.
    """
    bars = [
        (f"{table}.{name}", rule["phase"], rule.get("rows_hit", rule.get("cells_changed")))
        for table, entry in sorted(ledger.items())
        for name, rule in sorted(entry["rules"].items())
    ]
    return pd.DataFrame(bars, columns=["rule", "phase", "count"])


def _check_finite(table: Resource, rows: pd.DataFrame) -> None:
    """Refuse infinite numbers, with which no statistic and no model can do anything."""
    for name, values in rows.items():
        if values.dtype == "float64" and (count := int(np.isinf(values).sum())):
            problem = f"{count} values of `{name}` are infinite after cleaning"
            raise ProjectError(f"{WHERE}.{table.name}", problem, "Add a rule `blank_outside` or `drop_outside`.")


def _check_alike(table: Resource, parts: list[pd.DataFrame]) -> None:
    """Refuse parts of one table that differ in their columns, as when a rule decides by what it sees in one part."""
    for part in parts:
        for name in {*part.columns, *parts[0].columns}:
            dtypes = [str(rows[name].dtype) if name in rows.columns else "dropped" for rows in (parts[0], part)]
            if dtypes[0] != dtypes[1]:
                problem = f"the column `{name}` is {dtypes[0]} in one part of the table and {dtypes[1]} in another"
                remedy = "A rule in src/rules.py decides by the rows that it sees; let it `measure` the whole column."
                raise ProjectError(f"{WHERE}.{table.name}", problem, remedy)


def _rule_entry(name: str, rules: list[Rule], results: list[Cleaned], measured: Measured) -> dict[str, Any]:
    mine = [rule for rule in rules if rule.name == name]
    count = sum(result.hits[name] for result in results)
    entry: dict[str, Any] = {"phase": mine[0].phase}
    entry["rows_hit" if mine[0].phase == "reject" else "cells_changed"] = count
    if dropped := sorted({column for result in results for column in result.dropped.get(name, [])}):
        entry["columns_dropped"] = dropped
    statistics = {
        rule.column: MASKED if rule.personal else recorded(measured[name, rule.column], rule.where)
        for rule in mine
        if rule.function.measure and rule.column
    }
    return entry | ({"statistics": statistics} if statistics else {})


def recorded(measured: Any, where: str) -> Any:
    """A statistic as JSON: numbers, texts, and one a group.

    Raises:
        ProjectError: a rule measured something else.
    """
    if isinstance(measured, Mapping):
        return {str(key): recorded(value, where) for key, value in measured.items()}
    if isinstance(measured, np.generic):
        measured = measured.item()
    if isinstance(measured, pd.Timestamp):
        return measured.isoformat()
    if isinstance(measured, float):
        return measured if math.isfinite(measured) else None
    if measured is None or isinstance(measured, bool | int | str):
        return measured
    problem = f"found {type(measured).__name__}, expected numbers, texts or times, or keys with them"
    raise ProjectError(where, problem, "Let the rule's measure return such, so that the ledger can show it.")


if __name__ == "__main__":
    stage.run(main)
