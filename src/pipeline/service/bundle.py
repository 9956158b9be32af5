"""The bundle that is served: verified before anything else of it is read, then held as one value."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline import contract, params
from pipeline.contract import Contract, Field
from pipeline.derive import Feature, Functions, check_features
from pipeline.errors import ProjectError
from pipeline.lineage import marked_columns, sources_of
from pipeline.metadata import describe_columns
from pipeline.service.inputs import Input, as_field, as_json, describe_inputs, needed_features
from pipeline.tables import to_pandas
from pipeline.violations import has_constraints


@dataclass(frozen=True)
class Bundle:
    """What a service needs of a bundle.

    Attributes:
        name: of the bundle, and of its data files.
        files: name -> sha256 of each file in the bundle.
        stamps: name -> what tells that a file was changed since it was verified.
        inputs: what a caller gives.
        features: what derives the model's inputs from it, in order.
        model_inputs: the columns that the model reads, in order.
        derived: those of them that are derived and have bounds, each with the columns that it derives from.
        classes: of a classifier; None for a regressor.
        threshold: the probability of the second of two classes at which the model decides for it, if it has one.
        example: a row of the test part, its numbers with six digits.
    """

    folder: Path
    name: str
    package: Contract
    files: dict[str, str]
    stamps: dict[str, tuple]
    inputs: list[Input]
    features: dict[str, Feature]
    model_inputs: list[str]
    derived: list[tuple[Field, list[str]]]
    target: Field
    model: Any
    classes: list[Any] | None
    threshold: float | None
    example: dict[str, Any]

    @property
    def version(self) -> str:
        """The model's version: the sha256 of its file."""
        return self.files["model.skops"]

    @property
    def title(self) -> str:
        return self.package.title or self.name

    def path(self, name: str) -> Path | None:
        """The path of a file, None where the bundle has none of that name.

        Raises:
            ProjectError: it is no longer the file that was verified.
        """
        if name not in self.files:
            return None
        path = self.folder / name
        if _stamp(path) != self.stamps[name]:
            raise ProjectError(name, "was changed since the bundle was verified", "Start the service again.")
        return path


def load_bundle(folder: Path, verify: Callable[[Path], dict[str, str]], functions: Functions) -> Bundle:
    """Verify a bundle, then read what a service needs of it.

    Args:
        verify: refuses a bundle that is not as it was published; returns the sha256 of each file.
        functions: those of src/features.py, which derive the model's inputs.

    Raises:
        ProjectError: it is not as it was published, or its model needs a personal column.
    """
    files = verify(folder)
    stamps = {name: _stamp(folder / name) for name in files}
    from pipeline import modelling  # scikit-learn: seconds, and only for a bundle that is sound
    from pipeline.modelfile import load_model

    file = folder / params.FILE
    transform, clean, serve, publish = params.load("transform", "clean", "serve", "publish", file=file)
    package = contract.load(folder / contract.FILE)
    ready = package.ready()
    personal = marked_columns("personal", package.raw(), ready, transform, functions)
    asked = sources_of(serve.inputs, transform, functions)
    for name in [*serve.inputs, *asked]:
        if name in personal:
            problem = f"`{name}` is personal ({' <- '.join(personal[name])}), and a service may not ask for it"
            raise ProjectError(f"{file}: serve.inputs", problem, "Leave it out of the inputs, and train again.")
    data = folder / f"{publish.name}.parquet"
    table = _read(data, [*dict.fromkeys([*asked, *serve.inputs, serve.target])])
    train, test = (table[table["part"] == side].drop(columns="part") for side in ("train", "test"))
    model = load_model(folder / "model.skops")
    inputs = describe_inputs(
        package, transform, clean, serve.inputs, functions, train, _needed(model, train[serve.inputs].head(1))
    )
    described = describe_columns(
        package, transform, {name: str(table[name].dtype) for name in [*serve.inputs, serve.target]}
    )
    fields = {description["name"]: as_field(description) for description in described}
    derived = [
        (fields[name], sources_of([name], transform, functions))
        for name in serve.inputs
        if name in transform.features and has_constraints(fields[name])
    ]
    classes = [as_json(value) for value in model.classes_] if modelling.is_classifier(model) else None
    whole = test[asked].dropna()
    example = (whole if len(whole) else test[asked]).pipe(lambda rows: rows.iloc[len(rows) // 2])
    return Bundle(
        folder=folder,
        name=publish.name,
        package=package,
        files=files,
        stamps=stamps,
        inputs=inputs,
        features=check_features(needed_features(serve.inputs, transform, functions), functions, asked),
        model_inputs=serve.inputs,
        derived=derived,
        target=fields[serve.target],
        model=model,
        classes=classes,
        threshold=json.loads((folder / "train.json").read_text(encoding="utf-8")).get("threshold"),
        example={name: _short(as_json(value)) for name, value in example.items()},
    )


def _short(value: Any) -> Any:
    """A number with the digits that a person would type."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _needed(model: Any, row: pd.DataFrame) -> list[str]:
    """The inputs that a model takes no gap in."""
    from pipeline import modelling
    from pipeline.matrix import to_matrix

    matrix = to_matrix(row)
    numbers = list(matrix.select_dtypes("float64"))
    matrix[numbers] = np.nan
    try:
        modelling.refuse_missing(model, matrix, "")
    except ProjectError:
        return numbers
    return []


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    there = pq.read_schema(path).names
    for name in columns:
        if name not in there:
            problem = f"has no column `{name}`, which the model's inputs derive from"
            raise ProjectError(str(path), problem, "Publish again with this version of the code: `dvc repro`.")
    return to_pandas(pq.read_table(path, columns=[*columns, "part"]))


def _stamp(path: Path) -> tuple:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
