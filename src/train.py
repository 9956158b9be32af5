"""Train: cross-validate on the training part, choose options and threshold there, then fit the model to all of it."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from pipeline import modelling, params, scoring, stage
from pipeline.calibration import calibrate
from pipeline.crossvalidation import Judged, cross_validate, mean, out_of_fold, summarise
from pipeline.decisions import choose_threshold
from pipeline.errors import ProjectError
from pipeline.folds import make_folds
from pipeline.matrix import to_matrix, to_target
from pipeline.modelfile import save_model
from pipeline.params import Split, Train
from pipeline.ready import read_ready
from pipeline.search import best, candidates

TRAIN = Path("data/ready/train")
MODELS = Path("models")
METRICS = Path("metrics/train.json")


def main() -> None:
    seed, inputs, target, split, train = params.load("seed", "serve.inputs", "serve.target", "serve.split", "train")
    modelling.check_model(train)
    trained = train_model(read_ready(TRAIN), inputs, target, split, train, seed)
    MODELS.mkdir(parents=True, exist_ok=True)
    METRICS.parent.mkdir(parents=True, exist_ok=True)
    save_model(trained.model, MODELS / "model.skops")
    save_model(trained.baseline, MODELS / "baseline.skops")
    save_model(trained.linear, MODELS / "linear.skops")
    METRICS.write_text(json.dumps(trained.metrics, indent=2) + "\n")


@dataclass(frozen=True)
class Trained:
    model: Pipeline
    baseline: Pipeline
    linear: Pipeline
    metrics: dict[str, Any]


def train_model(table: pd.DataFrame, inputs: list[str], target: str, split: Split, train: Train, seed: int) -> Trained:
    """Cross-validate every candidate of the search, and fit the best, the linear model and the baseline to all rows.

    Args:
        table: the training part: inputs, target, the split's column and the key.

    Raises:
        ProjectError: data that the model cannot learn from.
    """
    if table.empty:
        raise ProjectError(str(TRAIN), "no rows", "Take a smaller serve.split.test_share, or drop fewer rows in clean.")
    matrix = to_matrix(table[inputs])
    known = to_target(table[target], modelling.model_class(train.model))
    refuse_empty(matrix, train)
    classes = np.unique(known) if modelling.is_classifier(modelling.build(train, matrix, seed)) else None
    if classes is not None and len(classes) < 2:
        problem = f"`{target}` is {classes[0]} in all {len(table)} rows of the training part"
        remedy = "A classifier needs two classes: change the target or the split."
        raise ProjectError("params.yaml: serve.target", problem, remedy)
    task = scoring.task_of(classes)
    name = scoring.MAIN_METRIC[task]
    build_linear = partial(modelling.build_linear, matrix, classes, seed)

    tried = candidates(train, seed)
    builders = [partial(modelling.build, each, matrix, seed) for each in tried]
    if task == "binary":  # its threshold is chosen as the model's is
        builders.append(build_linear)
    folds = make_folds(table, split, train.folds, seed)
    judged = cross_validate(builders, matrix, known, classes, folds, with_scores=train.calibrate != "none")
    chosen = best([mean(each) for each in judged[: len(tried)]], name in scoring.LOWER_IS_BETTER)
    metrics = summarise(judged[chosen], name)

    model = modelling.fit(builders[chosen](), matrix, known)
    baseline = modelling.fit(modelling.build_baseline(train), matrix, known)
    linear = modelling.fit(build_linear(), matrix, known)
    probabilities = out_of_fold(judged[chosen], "probability")
    if train.calibrate != "none":
        model, probabilities = calibrated(model, judged[chosen], known, train)
    if task == "binary" and hasattr(model, "predict_proba"):
        metrics["threshold"] = threshold(probabilities, known == classes[1], train)
        metrics["threshold_linear"] = threshold(out_of_fold(judged[-1], "probability"), known == classes[1], train)
    if train.search:
        metrics["best"] = {option: tried[chosen].options[option] for option in train.search.options}
        metrics["search"] = [
            {"options": {option: each.options[option] for option in train.search.options}, **summarise(found, name)}
            for each, found in zip(tried, judged, strict=False)
        ]
    prepared = model[:-1].transform(matrix.head(1))
    return Trained(model, baseline, linear, {**metrics, "train_rows": len(table), "features": prepared.shape[1]})


def refuse_empty(matrix: pd.DataFrame, train: Train) -> None:
    """Refuse to fill a column that has no value."""
    empty = [name for name in matrix.select_dtypes("float64") if matrix[name].isna().all()]
    if empty and train.impute != "none":
        problem = f"`{empty[0]}` has no value in the training part, so there is no {train.impute} to put in"
        raise ProjectError("params.yaml: train.impute", problem, "Take it out of serve.inputs.")


def calibrated(model: Pipeline, judged: list[Judged], known: np.ndarray, train: Train) -> tuple[Pipeline, Any]:
    """The model calibrated by what the folds' models said of rows that they did not see, and what it makes of that."""
    found = out_of_fold(judged, "scores")
    if found is None:
        problem = "no fold of the cross-validation learns from all classes"
        raise ProjectError("params.yaml: train.calibrate", problem, "Set it to none, or take other folds.")
    rows, scores = found
    model, probabilities = calibrate(model, scores, known[rows], train.calibrate)
    return model, (rows, probabilities[:, 1])


def threshold(out_of_fold: tuple[np.ndarray, np.ndarray] | None, positive: np.ndarray, train: Train) -> float:
    """The threshold of params.yaml, or that of the best F1 out of fold; 0.5 where the folds hold only one class."""
    if train.threshold != "f1":
        return train.threshold
    rows, probabilities = out_of_fold or ([], None)
    return choose_threshold(positive[rows], probabilities) if len(np.unique(positive[rows])) == 2 else 0.5


if __name__ == "__main__":
    stage.run(main)
