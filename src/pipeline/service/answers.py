"""Predictions as answers: JSON, or the caller's own CSV or Parquet file with columns more."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.service.bundle import Bundle
from pipeline.service.prediction import Predicted
from pipeline.service.reading import CSV, JSON, PARQUET, Body
from pipeline.service.refusals import RefusedError, cell


def class_name(value: Any) -> str:
    """A class as JSON writes it: false, not False."""
    return value if isinstance(value, str) else json.dumps(value)


def model_card(bundle: Bundle) -> dict[str, Any]:
    """What every answer says of the model that made it."""
    decides = bundle.threshold is not None
    return {
        "bundle": bundle.name,
        "version": bundle.version,
        "target": bundle.target.name,
        "unit": bundle.target.unit,
        "classes": bundle.classes,
        "threshold": bundle.threshold,
        "decides_for": bundle.classes[1] if decides and bundle.classes else None,
    }


def prediction_list(bundle: Bundle, predicted: Predicted) -> list[dict[str, Any]]:
    """One object a row, in the order of the rows."""
    rows: list[dict[str, Any]] = [
        {"predicted": value, "probabilities": None, "notes": notes}
        for value, notes in zip(predicted.values, predicted.notes, strict=True)
    ]
    if predicted.probabilities is not None:
        names = [class_name(value) for value in bundle.classes]
        for row, probabilities in zip(rows, predicted.probabilities.tolist(), strict=True):
            row["probabilities"] = dict(zip(names, probabilities, strict=True))
    return rows


def encode(body: Body, predicted: Predicted, bundle: Bundle, form: str) -> bytes:
    """Write an answer in a form: JSON, or that of the body.

    Raises:
        RefusedError: the caller's file has a column of a name that the answer would add.
    """
    if form == JSON:
        answer = {"model": model_card(bundle), "predictions": prediction_list(bundle, predicted)}
        return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    columns = _columns(predicted, bundle)
    header = body.given[0] if form == CSV else body.given.column_names
    _refuse_taken(header, list(columns))
    if form == PARQUET:
        table = body.given
        for name, values in columns.items():
            table = table.append_column(name, pa.array(values))
        target = io.BytesIO()
        pq.write_table(table, target, compression="zstd")
        return target.getvalue()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*header, *columns])
    cells = [[_as_text(value) for value in values] for values in columns.values()]
    writer.writerows([*row, *more] for row, *more in zip(body.given[1:], *cells, strict=True))
    return text.getvalue().encode()


def _columns(predicted: Predicted, bundle: Bundle) -> dict[str, Sequence[Any]]:
    """The columns that a file gets, named as in predictions.csv of the bundle."""
    columns: dict[str, Sequence[Any]] = {"predicted": predicted.values}
    if predicted.probabilities is not None:
        for number, value in enumerate(bundle.classes):
            columns[f"probability_{class_name(value)}"] = predicted.probabilities[:, number].tolist()
    return columns | {"notes": ["; ".join(notes) for notes in predicted.notes]}


def _as_text(value: Any) -> str:
    return class_name(value) if isinstance(value, bool) else str(value)


def _refuse_taken(header: Sequence[str], names: Sequence[str]) -> None:
    taken = [name for name in names if name in header]
    if taken:
        errors = [
            cell(None, name, "the answer adds a column of this name", "Rename it, or leave it out.") for name in taken
        ]
        raise RefusedError(422, "The file has columns that the answer adds.", errors)
