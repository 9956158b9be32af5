"""The model's file: skops, never pickle; the same model gives the same bytes."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from sklearn.pipeline import Pipeline

from pipeline.errors import ProjectError

# Beside scikit-learn's estimators, arrays and plain values, which skops trusts: the inner parts of its models.
TRUSTED = [
    "functools.partial",  # of a function in this list
    "numpy.dtype",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
]
# What is the same wherever it stands, so that skops need not say which of them are one object.
STATELESS = {"JsonNode", "TypeNode", "FunctionNode"}
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip archive can hold


def save_model(pipeline: Pipeline, path: Path) -> None:
    """Write a fitted pipeline.

    Raises:
        ProjectError: the model holds objects that `load_model` would refuse; nothing is written.
    """
    import skops.io  # it looks at every class of scikit-learn, which takes more than a second

    name = type(pipeline[-1]).__name__
    remedy = "Choose another class of scikit-learn."
    try:
        content = _same_bytes(skops.io.dumps(pipeline))
    except TypeError as exc:  # skops.io.exceptions.UnsupportedTypeException
        raise ProjectError("params.yaml: train.model", f"{name} cannot be stored: {exc}", remedy) from exc
    foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    if foreign:
        raise ProjectError("params.yaml: train.model", f"{name} cannot be stored safely: it holds {foreign[0]}", remedy)
    path.write_bytes(content)


def load_model(path: Path) -> Pipeline:
    """Read a model; nothing of it is built before all its types are known to be trusted.

    So no code of the file's author runs. The numbers inside are not judged: a forged tree can crash the process that
    predicts with it (https://github.com/scikit-learn/scikit-learn/pull/34558), so know where a file comes from.

    Raises:
        ProjectError: no such file, not written by `save_model`, or holding anything but the parts of a model.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    remedy = (
        "Use only a model from a source that you trust, with the checksum that it states; `dvc repro train` makes ours."
    )
    try:
        model = skops.io.load(path, trusted=TRUSTED)
    except FileNotFoundError:
        raise ProjectError(str(path), "no such file", "Run `dvc repro train`, or `dvc pull`.") from None
    except BadZipFile as exc:
        raise ProjectError(str(path), "not a skops file", remedy) from exc
    except UntrustedTypesFoundException as exc:
        raise ProjectError(str(path), str(exc).splitlines()[0].rstrip("."), remedy) from exc
    except Exception as exc:  # the content is foreign: whatever it breaks, it is not a model
        raise ProjectError(str(path), f"not a readable model: {type(exc).__name__}: {exc}", remedy) from exc
    if not isinstance(model, Pipeline):
        raise ProjectError(str(path), f"holds {type(model).__name__}, expected a scikit-learn Pipeline", remedy)
    return model


def _same_bytes(archive: bytes) -> bytes:
    """Write a skops archive anew without what differs at every dump.

    skops names members and marks objects by their memory addresses and puts the time of day into the archive. Here both
    are numbered as they appear, only objects that stand twice are marked, and times are fixed.
    """
    target = io.BytesIO()
    with ZipFile(io.BytesIO(archive)) as source, ZipFile(target, "w") as copy:
        schema = json.loads(source.read("schema.json"))
        nodes = list(_nodes(schema))
        seen = Counter(node.get("__id__") for node in nodes)
        ids: dict[int, int] = {}
        members: dict[str, str] = {}
        for node in nodes:
            address = node.pop("__id__", None)
            if address is not None and seen[address] > 1 and node["__loader__"] not in STATELESS:
                node["__id__"] = ids.setdefault(address, len(ids) + 1)
            if isinstance(node.get("file"), str):
                member = node["file"]
                node["file"] = members.setdefault(member, f"{len(members)}{Path(member).suffix}")
        copy.writestr(ZipInfo("schema.json", EARLIEST), json.dumps(schema, separators=(",", ":")))
        for old, new in members.items():
            copy.writestr(ZipInfo(new, EARLIEST), source.read(old))
    return target.getvalue()


def _nodes(state: Any) -> Iterator[dict[str, Any]]:
    """The description of every object in a skops schema, in order; the keys of a stored dictionary are no nodes."""
    if isinstance(state, dict):
        if isinstance(state.get("__loader__"), str):
            yield state
        for value in state.values():
            yield from _nodes(value)
    elif isinstance(state, list):
        for value in state:
            yield from _nodes(value)
