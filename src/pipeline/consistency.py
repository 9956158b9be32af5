"""Mistakes between the parts of the contract, and between contract and params: names that only one of them knows."""

from collections.abc import Iterable, Iterator

import pandas as pd

from pipeline.contract import Contract, Resource
from pipeline.errors import ProjectError, nearest
from pipeline.params import Params
from pipeline.tables import DTYPES
from pipeline.violations import check_field


def contract_mistakes(package: Contract) -> list[ProjectError]:
    """Names that stand twice, keys on columns that are not there, constraints that do not fit their column."""
    errors = list(_repeated("contract.yaml: resources", "table", [table.name for table in package.resources]))
    tables = {table.name: table for table in package.resources}
    for table in package.resources:
        where, schema = f"contract.yaml: {table.name}", table.table_schema
        errors += _repeated(where, "column", table.columns())
        for field in schema.fields:
            try:
                check_field(field, f"{where}.{field.name}")
            except ProjectError as mistake:
                errors.append(mistake)
        errors += _unknown(f"{where}.primaryKey", "column", schema.primaryKey, table.columns())
        for key in schema.foreignKeys:
            place, right = f"{where}.foreignKeys", key.reference
            errors += _unknown(place, "column", key.fields, table.columns())
            errors += _unknown(f"{place}.reference", "table", [right.resource], tables)
            if right.resource in tables:
                errors += _unknown(f"{place}.reference", "column", right.fields, tables[right.resource].columns())
            if len(key.fields) != len(right.fields):
                errors.append(ProjectError(place, f"{key.fields} points to {right.fields}: not as many columns"))
    return errors


def mistakes_between(settings: Params, package: Contract) -> list[ProjectError]:
    """Tables that params name and the contract lacks, and the other way round."""
    raw, transform = package.raw(), settings.transform
    errors = [
        *_unknown("params.yaml: access", "table", settings.access, raw),
        *_unknown("contract.yaml: resources", "source in params.yaml: access for", raw, settings.access),
        *_unknown("params.yaml: transform.table", "table", [transform.table], raw),
        *_unknown("params.yaml: transform.joins", "table", transform.joins, raw),
        *_unknown("params.yaml: publish.leave_out", "table", settings.publish.leave_out, raw),
        *_repeated("params.yaml: transform.joins", "table", [transform.table, *transform.joins]),
    ]
    serve = settings.serve
    if serve.target in serve.inputs:
        errors.append(ProjectError("params.yaml: serve.inputs", f"`{serve.target}` is the target", "Take it out."))
    if serve.split.by in ("time", "group") and serve.split.column is None:
        errors.append(ProjectError("params.yaml: serve.split.column", f"missing, but the split is by {serve.split.by}"))
    if serve.split.by in ("key", "row") and serve.split.column is not None:
        decides = {"key": "by key, the contract's primaryKey", "row": "by the row's number"}[serve.split.by]
        errors.append(ProjectError("params.yaml: serve.split.column", f"the split is {decides}", "Delete it."))
    return errors


def ready_mistakes(ready: Resource | None, table: pd.DataFrame) -> list[ProjectError]:
    """Columns of the contract's table `ready` that no stage makes, or makes of another type.

    Args:
        table: the transformed table; its rows do not matter.
    """
    types = {dtype: name for name, dtype in reversed(DTYPES.items())}
    errors = []
    for field in ready.table_schema.fields if ready else []:
        where = f"contract.yaml: ready.{field.name}"
        if field.name not in table.columns:
            errors += _unknown(where, "column", [field.name], table.columns)
        elif str(table[field.name].dtype) != DTYPES[field.type]:
            made = types.get(str(table[field.name].dtype), str(table[field.name].dtype))
            errors.append(ProjectError(f"{where}.type", f"found {field.type}, but the column is made as {made}"))
    return errors


def _unknown(where: str, kind: str, names: Iterable[str], known: Iterable[str]) -> Iterator[ProjectError]:
    known = list(known)
    for name in names:
        if name not in known:
            yield ProjectError(where, f"no {kind} `{name}`", nearest(name, known))


def _repeated(where: str, kind: str, names: list[str]) -> Iterator[ProjectError]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield ProjectError(where, f"the {kind} `{name}` stands twice")
