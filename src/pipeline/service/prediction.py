"""Predict rows as the pipeline does: its features, its matrix, its model, the threshold that training chose."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline import modelling
from pipeline.derive import compute
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.matrix import to_matrix
from pipeline.service.bundle import Bundle
from pipeline.service.inputs import Input, as_json
from pipeline.service.reading import cells_that_break
from pipeline.service.refusals import RefusedError, cell, refuse_cells

# One at a time: where a model runs in parallel, scikit-learn sets and resets the warning filters of Python. All threads
# share them, so two at once lose them and write a warning for each tree.
ASKED = threading.Lock()


@dataclass(frozen=True)
class Predicted:
    """What the model says of n rows.

    Attributes:
        values: the decision, or the number, as JSON has it.
        probabilities: of each class, shape (n, classes); None where the model gives none.
        notes: of each row, what to keep in mind: values unlike any that the model has seen.
    """

    values: list[Any]
    probabilities: np.ndarray | None
    notes: list[list[str]]


def predict(bundle: Bundle, table: pd.DataFrame) -> Predicted:
    """Predict rows that keep the contract.

    Args:
        table: what is asked for, shape (n, inputs).

    Raises:
        RefusedError: a value that derives from them breaks the contract, or the model takes no gap there.
    """
    matrix = to_matrix(_derived(bundle, table, check=True))
    values, probabilities = _model_says(bundle, matrix)
    return Predicted(values, probabilities, _notes(bundle.inputs, table))


def explain(bundle: Bundle, table: pd.DataFrame) -> tuple[Predicted, list[dict[str, Any]] | None]:
    """Predict one row, and say how the prediction changes when each value is replaced by its typical one.

    The changes are those of one value at a time, the others as they are, so they need not add up.

    Args:
        table: one row, shape (1, inputs).

    Returns:
        The prediction, and the changes, the largest first: of the probability of the second of two classes, of the
        predicted one of several, or of the predicted number. None where the model gives no probabilities.
    """
    predicted = predict(bundle, table)
    if bundle.classes is not None and predicted.probabilities is None:
        return predicted, None
    asked = [each for each in bundle.inputs if each.typical is not None]
    rows = pd.concat([table] * (len(asked) + 1), ignore_index=True)
    for number, each in enumerate(asked, 1):
        rows.loc[number, each.name] = each.typical
    values, probabilities = _model_says(bundle, to_matrix(_derived(bundle, rows, check=False)))
    if probabilities is None:
        said = np.array(values, dtype="float64")
    else:
        said = probabilities[:, 1 if len(bundle.classes) == 2 else int(probabilities[0].argmax())]
    changes = [
        {
            "field": each.name,
            "value": as_json(table[each.name].iloc[0]),
            "typical": as_json(each.typical),
            "change": float(said[0] - said[number]),
        }
        for number, each in enumerate(asked, 1)
    ]
    return predicted, sorted(changes, key=lambda change: -abs(change["change"]))


def _derived(bundle: Bundle, table: pd.DataFrame, check: bool) -> pd.DataFrame:
    """The model's inputs, derived by the pipeline's own code."""
    try:
        derived = compute(table, bundle.features)[bundle.model_inputs]
    except ProjectErrors as mistakes:
        errors = [cell(None, error.where.rpartition(".")[2], error.problem) for error in mistakes.errors]
        raise RefusedError(422, "A feature cannot be derived from these values.", errors) from mistakes
    if check:
        errors = []
        for field, sources in bundle.derived:
            for error in cells_that_break(derived[field.name], field):
                errors.append(error | {"problem": f"{error['problem']} (it derives from {', '.join(sources)})"})
        refuse_cells(errors)
    return derived


def _model_says(bundle: Bundle, matrix: pd.DataFrame) -> tuple[list[Any], np.ndarray | None]:
    """The decisions or numbers, and the probabilities; where a threshold decides, the model is asked once."""
    try:
        if bundle.threshold is not None:
            modelling.refuse_missing(bundle.model, matrix, "")
            with ASKED, modelling.one_thread():
                probabilities = bundle.model.predict_proba(matrix)
            decided = (probabilities[:, 1] >= bundle.threshold).tolist()
            return [bundle.classes[number] for number in decided], probabilities
        with ASKED:
            prediction = modelling.predict(bundle.model, matrix, "")
    except ProjectError as mistake:  # a derived value is missing, and the model takes no gap
        missing = matrix.select_dtypes("float64").isna()
        refuse_cells(
            [
                cell(int(row) + 1, name, "is missing, and the model takes no gap here")
                for name in missing
                for row in np.flatnonzero(missing[name])
            ]
        )
        raise RefusedError(422, mistake.problem) from mistake
    return prediction.values.tolist(), prediction.probabilities


def _notes(inputs: list[Input], table: pd.DataFrame) -> list[list[str]]:
    """Say of each row which values are unlike those that the model learned from."""
    notes: list[list[str]] = [[] for _ in range(len(table))]
    for each in inputs:
        column = table[each.name]
        if each.categories:
            for row, value in enumerate(column.tolist()):
                if value not in each.categories and value == value:
                    notes[row].append(f"{each.name}: `{value[:60]}` was never seen in training")
        elif each.low is not None:
            if column.dtype.kind == "M":
                beyond = ((column < each.low) | (column > each.high)).to_numpy()
            else:
                numbers = column.to_numpy("float64", na_value=np.nan)
                beyond = (numbers < each.low) | (numbers > each.high)
            for row in np.flatnonzero(beyond):
                said = f"{as_json(column.iloc[row])} is beyond what training has seen"
                notes[row].append(f"{each.name}: {said}, {as_json(each.low)} to {as_json(each.high)}")
    return notes
