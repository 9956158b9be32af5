"""Train: cross-validate the model on the training part, then fit it, and a baseline, to all of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipeline import modelling, params, scoring, stage
from pipeline.errors import ProjectError
from pipeline.folds import Fold, make_folds
from pipeline.matrix import to_matrix, to_target
from pipeline.modelfile import save_model
from pipeline.params import Split, Train
from pipeline.ready import read_ready
from pipeline.tables import map_parts

TRAIN = Path("data/ready/train")
MODEL = Path("models/model.skops")
BASELINE = Path("models/baseline.skops")
METRICS = Path("metrics/train.json")


def main() -> None:
    seed, inputs, target, split, train = params.load("seed", "serve.inputs", "serve.target", "serve.split", "train")
    modelling.check_model(train)
    trained = train_model(read_ready(TRAIN), inputs, target, split, train, seed)
    MODEL.parent.mkdir(parents=True, exist_ok=True)
    METRICS.parent.mkdir(parents=True, exist_ok=True)
    save_model(trained.model, MODEL)
    save_model(trained.baseline, BASELINE)
    METRICS.write_text(json.dumps(trained.metrics, indent=2) + "\n")


@dataclass(frozen=True)
class Trained:
    model: Pipeline
    baseline: Pipeline
    metrics: dict[str, Any]


def train_model(table: pd.DataFrame, inputs: list[str], target: str, split: Split, train: Train, seed: int) -> Trained:
    """Cross-validate and fit.

    Args:
        table: the training part: inputs, target, the split's column and the key.

    Raises:
        ProjectError: data that the model cannot learn from.
    """
    if table.empty:
        raise ProjectError(str(TRAIN), "no rows", "Take a smaller serve.split.test_share, or drop fewer rows in clean.")
    matrix = to_matrix(table[inputs])
    known = to_target(table[target], modelling.model_class(train.model))
    empty = [name for name in matrix.select_dtypes("float64") if matrix[name].isna().all()]
    if empty and train.impute != "none":
        problem = f"`{empty[0]}` has no value in the training part, so there is no {train.impute} to put in"
        raise ProjectError("params.yaml: train.impute", problem, "Take it out of serve.inputs.")
    pipeline = modelling.build(train, matrix, seed)
    classes = np.unique(known) if modelling.is_classifier(pipeline) else None
    if classes is not None and len(classes) < 2:
        problem = f"`{target}` is {classes[0]} in all {len(table)} rows of the training part"
        remedy = "A classifier needs two classes: change the target or the split."
        raise ProjectError("params.yaml: serve.target", problem, remedy)
    metrics = cross_validate(table, matrix, known, classes, split, train, seed)
    model = modelling.fit(pipeline, matrix, known)
    baseline = modelling.fit(modelling.build_baseline(train), matrix, known)
    prepared = model[:-1].transform(matrix.head(1))
    return Trained(model, baseline, {**metrics, "train_rows": len(table), "features": prepared.shape[1]})


def cross_validate(
    table: pd.DataFrame,
    matrix: pd.DataFrame,
    known: np.ndarray,
    classes: np.ndarray | None,
    split: Split,
    train: Train,
    seed: int,
) -> dict[str, Any]:
    """Fit and judge the model once a fold.

    Returns:
        Mean and standard deviation of the main metric, and its value a fold: None where a fold lacks a class.
    """
    name = scoring.MAIN_METRIC[scoring.task_of(classes)]

    def judge(fold: Fold) -> float | None:
        learn, rest = fold
        if classes is not None and len(np.unique(known[learn])) < 2:
            return None
        model = modelling.fit(modelling.build(train, matrix, seed), matrix.iloc[learn], known[learn])
        prediction = modelling.predict(model, matrix.iloc[rest], "params.yaml: train")
        return scoring.score(name, known[rest], prediction, classes)[0]

    with modelling.one_thread():
        values = map_parts(judge, make_folds(table, split, train.folds, seed), "train: cross-validation")
    defined = [value for value in values if value is not None]
    return {
        f"cv_{name}": scoring.rounded(np.mean(defined)) if defined else None,
        f"cv_{name}_std": scoring.rounded(np.std(defined, ddof=1)) if len(defined) > 1 else None,
        "folds": [value if value is None else scoring.rounded(value) for value in values],
    }


if __name__ == "__main__":
    stage.run(main)
