"""Versions of the project, commits and experiments, as Git and DVC's cache hold them, and which is better."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from dvc.api import DVCFileSystem
from dvc.scm import RevError

from pipeline.errors import ProjectError, nearest
from pipeline.scoring import LOWER_IS_BETTER

BESIDE = ("_low", "_high", "_std")  # what stands beside a metric: its 95 % interval, its spread over the folds


@dataclass(frozen=True)
class Version:
    """What a commit or an experiment holds.

    Attributes:
        params, metrics: values by name, `train.options.max_depth`; no metrics where nobody has run it.
        plots: options of dvc.yaml and points, by file.
    """

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    plots: Mapping[str, tuple[Mapping[str, str], pd.DataFrame]]


def read_version(name: str, known: Sequence[str] = ()) -> Version:
    """Read a version as Git and DVC's cache hold it.

    Raises:
        ProjectError: there is no such version, or it has no pipeline, or a file in it cannot be read.
    """
    try:
        files = DVCFileSystem(rev=name)
        pipeline = yaml.safe_load(files.read_text("dvc.yaml"))
        params = yaml.safe_load(files.read_text("params.yaml"))
    except RevError:
        problem = "no such commit, branch, tag or experiment"
        raise ProjectError(name, problem, nearest(name, known)) from None
    except FileNotFoundError as exc:
        raise ProjectError(
            name, f"has no {Path(exc.filename or str(exc)).name}, so it is no version of this project"
        ) from None
    metrics: dict[str, Any] = {}
    plots = {}
    for step in pipeline["stages"].values():
        for entry in step.get("metrics", []):
            for path in [entry] if isinstance(entry, str) else entry:
                metrics |= json.loads(_read(files, path) or "{}")
    for entry in pipeline.get("plots", []):
        for path, options in entry.items() if isinstance(entry, Mapping) else ():
            if text := _read(files, path):
                points = pd.read_csv(io.StringIO(text)) if path.endswith(".csv") else pd.DataFrame(json.loads(text))
                plots[path] = (options, points)
    return Version(name, dict(_flat(params)), metrics, plots)


def _read(files: DVCFileSystem, path: str) -> str | None:
    """A file of a version; None where it lacks it, as one that nobody has run or pulled does."""
    try:
        return files.read_text(path)
    except FileNotFoundError:
        return None


def _flat(tree: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    pairs = []
    for key, value in tree.items():
        inner = isinstance(value, Mapping) and value
        pairs += _flat(value, f"{before}{key}.") if inner else [(f"{before}{key}", value)]
    return pairs


def ranked(versions: Sequence[Version]) -> list[Version]:
    """Leave the first where it is and sort the others: the best in cross-validation, or in the main metric, first."""
    first, *others = versions
    metric = judged_by(versions)
    sign = 1 if metric.removeprefix("cv_") in LOWER_IS_BETTER else -1
    others.sort(key=lambda version: (version.metrics.get(metric) is None, sign * (version.metrics.get(metric) or 0)))
    return [first, *others]


def main_metric(versions: Sequence[Version]) -> str:
    """The metric that has an interval.

    Raises:
        ProjectError: no version has one.
    """
    for version in versions:
        for name in version.metrics:
            if f"{name}_low" in version.metrics:
                return name
    names = ", ".join(version.name for version in versions)
    remedy = "Run `dvc repro` and commit what it wrote."
    raise ProjectError("metrics/evaluate.json", f"there are no metrics in {names}", remedy)


def judged_by(versions: Sequence[Version]) -> str:
    """The main metric in cross-validation, so that nothing is chosen by the test part; where it is missing, itself."""
    metric = main_metric(versions)
    return f"cv_{metric}" if any(f"cv_{metric}" in version.metrics for version in versions) else metric
