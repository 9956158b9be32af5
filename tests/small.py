"""Small contracts and tables for tests, said in a line."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.contract import Resource
from pipeline.params import validate
from pipeline.tables import DTYPES


def resource(*fields: dict[str, Any], name: str = "t", schema: dict[str, Any] | None = None, **more: Any) -> Resource:
    """A table of a contract: resource({"name": "id", "type": "integer"}, schema={"primaryKey": ["id"]})."""
    content = {
        "name": name,
        "path": f"data/raw/{name}/{name}.csv",
        "schema": {"fields": list(fields), **(schema or {})},
    }
    return validate(Resource, content | more, "contract.yaml")


def frame(types: dict[str, str], *rows: tuple, index: list[int] | None = None) -> pd.DataFrame:
    """Rows of columns that have the contract's types: frame({"id": "integer"}, (1,), (2,)); None is missing."""
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    columns = {
        name: pd.Series(list(values), dtype=DTYPES[kind], index=index)
        for (name, kind), values in zip(types.items(), cells, strict=True)
    }
    return pd.DataFrame(columns)


def rows_of(table: pd.DataFrame) -> list[tuple]:
    """The rows as tuples, None where a value is missing."""
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in table.itertuples(index=False)]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
