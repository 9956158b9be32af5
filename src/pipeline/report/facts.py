"""All that the report is made of, read from what the stages wrote; small, however large the data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from pipeline import citation, params
from pipeline.contract import Contract
from pipeline.params import Params
from pipeline.report.cleaning import Rejected, read_rejected
from pipeline.report.columns import Distribution, distribution
from pipeline.tables import to_pandas

METRICS, REJECTED = Path("metrics"), Path("data/rejected")


@dataclass(frozen=True)
class Facts:
    """What the report tells.

    Attributes:
        fields: the published columns as Table Schema fields.
        distributions: published column -> what it holds.
        ledger, joins, train, evaluation: metrics/ledger.json, transform.json, train.json, evaluation.json.
        points: of metrics/plots: name -> points.
        rejected: raw table -> its rejected rows.
        personal: columns of the ready table that must not be shown.
        fair: the FAIR self-check of the bundle, of pipeline.fair.
    """

    package: Contract
    citation: Mapping[str, Any]
    settings: Params
    fields: Sequence[Mapping[str, Any]]
    distributions: Mapping[str, Distribution]
    ledger: Mapping[str, Any]
    joins: Mapping[str, Any]
    train: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    points: Mapping[str, pd.DataFrame]
    rejected: Mapping[str, Rejected]
    personal: frozenset[str] = frozenset()
    fair: Sequence[Mapping[str, Any]] = ()


def read_facts(
    package: Contract, fields: Sequence[Mapping[str, Any]], published: Path, personal: set[str], root: Path = Path()
) -> Facts:
    """Read them.

    Args:
        fields: of the published table.
        published: the published table as Parquet, with the column `part`; a column at a time is in memory.
        personal: columns of the ready table that must not be shown.
    """
    raw, fields = package.raw(), [field for field in fields if field["name"] != "part"]
    return Facts(
        package,
        citation.load(root / citation.FILE),
        params.load_all(root / params.FILE),
        fields,
        read_distributions(published, [field["name"] for field in fields]),
        _read_json(root / METRICS / "ledger.json"),
        _read_json(root / METRICS / "transform.json"),
        _read_json(root / METRICS / "train.json"),
        _read_json(root / METRICS / "evaluation.json"),
        read_points(root / METRICS / "plots"),
        {name: read_rejected(root / REJECTED / name, table.marked("personal")) for name, table in raw.items()},
        frozenset(personal),
    )


def read_distributions(published: Path, names: Sequence[str]) -> dict[str, Distribution]:
    """Look at columns of the published table, one by one."""
    part = to_pandas(pq.read_table(published, columns=["part"], use_threads=False))["part"]
    return {
        name: distribution(to_pandas(pq.read_table(published, columns=[name], use_threads=False))[name], part)
        for name in names
    }


def read_points(folder: Path) -> dict[str, pd.DataFrame]:
    """The points of the plots: name -> table."""
    return {path.stem: pd.DataFrame(_read_json(path)) for path in sorted(folder.glob("*.json"))}


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
