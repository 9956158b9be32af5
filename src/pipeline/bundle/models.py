"""The model's other files, where params ask for them: ONNX if its predictions agree, and pickle with its warning."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import ProjectError

TOLERANCE = 1e-5  # of a probability, or of a predicted number as a share of the numbers' range
PICKLE_NOTE = "Loading a pickle runs whatever code is in it: check SHA256SUMS first, and prefer model.skops."


def write_onnx(model: Any, matrix: pd.DataFrame, stated: pd.DataFrame, path: Path) -> str:
    """Write the model as ONNX, if its predictions are those that the bundle states.

    Args:
        model: a fitted pipeline.
        matrix: inputs of the test part, from `to_matrix`, shape (n, inputs).
        stated: the predictions on them: `predicted`, and `probability_…` for a classifier that gives them.

    Returns:
        What was measured; where nothing was written, why.

    Raises:
        ProjectError: the packages that this needs are not installed.
    """
    try:
        import onnxruntime
        import skl2onnx
    except ImportError as exc:
        remedy = "Install requirements-extras.txt, or take onnx out of publish.model_formats."
        raise ProjectError(
            "params.yaml: publish.model_formats", f"onnx needs `{exc.name}`, which is not installed", remedy
        ) from None
    try:
        converted = _convert(skl2onnx, model, matrix)
        session = onnxruntime.InferenceSession(converted, _quiet(onnxruntime), providers=["CPUExecutionProvider"])
        difference = _difference(session.run(None, onnx_inputs(session, matrix)), stated)
    except Exception as exc:  # whatever a converter of foreign code breaks on, there is no file then
        reason = next(iter(str(exc).splitlines()), "").strip().rstrip(".")[:200]
        return f"Not written as ONNX: {type(exc).__name__}: {reason}."
    if not difference <= TOLERANCE:
        by = f"its predictions differ by up to {difference:.2g} on the test part"
        return f"Not written as ONNX: {by}, more than the tolerance of {TOLERANCE:g}."
    path.write_bytes(converted)
    return f"Its predictions on the {len(matrix):,} rows of the test part agree with those stated within {TOLERANCE:g}."


def _convert(skl2onnx: Any, model: Any, matrix: pd.DataFrame) -> bytes:
    """Convert with numbers of 32 bits: with 64, skl2onnx 1.20 never comes back from a tree, and no classifier loads."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = [
        (name, (StringTensorType if column.dtype == object else FloatTensorType)([None, 1]))
        for name, column in matrix.items()
    ]
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    return skl2onnx.convert_sklearn(model, "model", types, options=options).SerializeToString()


def _difference(outputs: list[np.ndarray], stated: pd.DataFrame) -> float:
    """By how much predictions differ from those stated: of probabilities, of numbers as a share of their range, or the
    share of other classes where there are no probabilities.
    """
    probabilities = stated.filter(regex="^probability_")
    if not probabilities.empty:
        return float(np.max(np.abs(outputs[1] - probabilities.to_numpy())))
    if pd.api.types.is_float_dtype(stated["predicted"].dtype):
        numbers = stated["predicted"].to_numpy(dtype="float64")
        return float(np.max(np.abs(np.ravel(outputs[0]) - numbers))) / (float(np.ptp(numbers)) or 1.0)
    said = [_as_json(value) for value in np.ravel(outputs[0])]
    return float(np.mean(np.array(said) != stated["predicted"].map(_as_json).to_numpy()))


def onnx_inputs(session: Any, matrix: pd.DataFrame) -> dict[str, np.ndarray]:
    """Inputs as a session of ONNX Runtime reads them, each of shape (n, 1); a missing text is an empty one."""
    return {
        entry.name: (
            matrix[entry.name].to_numpy(dtype="float32")
            if entry.type == "tensor(float)"
            else matrix[entry.name].where(matrix[entry.name].notna(), "").to_numpy(dtype=object)
        ).reshape(-1, 1)
        for entry in session.get_inputs()
    }


def _quiet(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; they come as exceptions
    options.intra_op_num_threads = 1
    return options


def _as_json(value: Any) -> str:
    return str(value).lower() if str(value) in ("True", "False") else str(value)


def write_pickle(model: Any, path: Path) -> str:
    """Write the model as a pickle; return the warning that belongs to it."""
    with path.open("wb") as file:
        _Pickler(file, protocol=5).dump(model)
    return PICKLE_NOTE


class _Pickler(pickle.Pickler):
    """Leaves out what lies between the fields of a structured array, as in a tree's nodes: any bytes of the memory."""

    def reducer_override(self, found: Any) -> Any:
        if not isinstance(found, np.ndarray) or found.dtype.names is None:
            return NotImplemented
        clean = np.zeros(found.shape, found.dtype)  # zeros_like fills the fields only
        for name in found.dtype.names:
            clean[name] = found[name]
        return clean.__reduce_ex__(5)
