"""Metadata of what is published, derived from the contract: nothing is typed twice."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.contract import Contract, Field, Resource
from pipeline.joins import joined_columns
from pipeline.params import Transform
from pipeline.tables import DTYPES

MARKS = {"hindsight", "personal"}
TYPES = {dtype: type_ for type_, dtype in DTYPES.items() if type_ not in ("year", "date")} | {"int64": "integer"}
PARSING = {"format", "decimalChar", "groupChar", "bareNumber", "trueValues", "falseValues", "missingValues"}


def describe_columns(package: Contract, settings: Transform, dtypes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Describe columns of the ready table as Table Schema fields.

    Args:
        dtypes: column -> pandas dtype, as written.

    Returns:
        A field a column: type as written, unit and description of the raw column that it was, with what the contract's
        table `ready` says of it on top. Constraints are those of `ready` alone: the raw ones speak of the raw data.
    """
    raw, ready = package.raw(), package.ready()
    origins = joined_columns(raw[settings.table], settings.joins, raw, "params.yaml: transform.joins")
    fields = []
    for name, dtype in dtypes.items():
        description: dict[str, Any] = {"name": name, "type": TYPES[dtype]}
        if name in origins:
            table, column = origins[name]
            description |= _prose(raw[table].field(column), without={"constraints"})
        if ready and (own := ready.field(name)):
            description |= _prose(own)
        fields.append(description)
    return fields


def describe_raw(table: Resource, dtypes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Describe columns of a raw table as Table Schema fields, by the types that cleaning gave them.

    Bounds are left out: the rows are those that broke a rule.
    """
    fields = []
    for name, dtype in dtypes.items():
        known = table.field(name)
        fields.append({"name": name, "type": TYPES[dtype], **(_prose(known, {"constraints"}) if known else {})})
    return fields


def _prose(field: Field, without: Iterable[str] = ()) -> dict[str, Any]:
    left_out = MARKS | PARSING | {"name", "type", *without}
    return field.model_dump(mode="json", exclude_defaults=True, exclude=left_out)
