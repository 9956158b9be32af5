"""From columns to what scikit-learn reads: one way for training, evaluation and a service for single rows."""

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin

from pipeline.errors import ProjectError, ProjectErrors


def to_matrix(inputs: pd.DataFrame) -> pd.DataFrame:
    """Convert inputs to what scikit-learn reads: float64 for numbers and booleans, object for text, NaN for missing.

    Train, evaluate and a service for single rows all go through here, so that a row means the same everywhere.

    Raises:
        ProjectErrors: a column of another type, such as a time, or one that holds infinite numbers.
    """
    matrix, errors = {}, []
    for name, column in inputs.items():
        where = f"params.yaml: serve.inputs: {name}"
        if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
            matrix[name] = column.to_numpy(dtype="float64", na_value=np.nan)
            if infinite := int(np.isinf(matrix[name]).sum()):
                problem = f"{infinite} of {len(column)} values are infinite"
                errors.append(ProjectError(where, problem, "Blank them by a rule in `clean`, or derive it otherwise."))
        elif isinstance(column.dtype, pd.StringDtype):
            matrix[name] = column.astype(object)  # missing values come out as NaN
        else:
            remedy = f"Derive numbers from it, such as {{function: hour_of, column: {name}}}, and name these."
            errors.append(ProjectError(where, f"a model cannot read a column of type {column.dtype}", remedy))
    if errors:
        raise ProjectErrors(errors)
    return pd.DataFrame(matrix, index=inputs.index)


def to_target(target: pd.Series, model: type, where: str = "params.yaml: serve.target") -> np.ndarray:
    """Convert a target to what scikit-learn reads, shape (n,): classes (boolean, text, integer) or float64.

    Args:
        model: the class, a classifier or a regressor.

    Raises:
        ProjectError: missing or infinite values, or a type that the kind of model does not predict.
    """
    name, dtype = target.name, target.dtype
    classifies = issubclass(model, ClassifierMixin)
    if missing := int(target.isna().sum()):
        remedy = "Drop them by a rule in `clean` (drop_missing), or choose a target that is always known."
        raise ProjectError(where, f"`{name}` is missing in {missing} of {len(target)} rows", remedy)
    if pd.api.types.is_bool_dtype(dtype) and classifies:
        return target.to_numpy(dtype=bool)
    if isinstance(dtype, pd.StringDtype) and classifies:
        return target.to_numpy(dtype=str)
    if pd.api.types.is_integer_dtype(dtype):
        return target.to_numpy(dtype="int64" if classifies else "float64")
    if not pd.api.types.is_float_dtype(dtype) or classifies:
        kind, other = ("classifier", "regressor") if classifies else ("regressor", "classifier")
        twin = model.__name__.replace(kind.title(), other.title())
        problem = f"`{name}` is of type {dtype}, and {model.__name__} of train.model is a {kind}"
        example = f", such as {twin}" if twin != model.__name__ else ""
        raise ProjectError(where, problem, f"Choose a {other}{example}, or derive another target.")
    if infinite := int(np.isinf(target).sum()):
        problem = f"`{name}` is infinite in {infinite} of {len(target)} rows"
        raise ProjectError(where, problem, "Drop them by a rule in `clean` (drop_outside).")
    return target.to_numpy(dtype="float64")
