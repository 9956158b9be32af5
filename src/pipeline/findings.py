"""Findings: classic mistakes of data and models, looked for by name. They stop nothing; they tell what to distrust."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from pipeline import scoring
from pipeline.bootstrap import FEW_CLUSTERS
from pipeline.modelling import Prediction

ALONE = {"binary": "roc_auc", "multiclass": "f1", "regression": "r2"}  # how well one column predicts; 1 is perfect
ALMOST_PERFECT = 0.98
DRIFTED = 0.3  # of drift's measures, between 0 and 1
FEW_ROWS = 30  # of the test part, or of one of its classes
NEARLY_ALL_DIFFERENT = 0.9  # share of different rows from which equal ones are no chance
OWN_VALUE = 0.5  # share of different texts from which a column names rows more than it describes them
MISCALIBRATED = 0.05  # between the mean probability and the share that came true
MOST_ROWS = 20_000  # that a tree learns from


@dataclass(frozen=True)
class Part:
    """A part of the ready data: n rows.

    Args:
        matrix: the inputs, of `to_matrix`.
        target: shape (n,), of `to_target`.
        key: the columns of the primary key; there may be none.
        cluster: the column by which rows hang together, of a split by time or group.
    """

    matrix: pd.DataFrame
    target: np.ndarray
    key: pd.DataFrame
    cluster: pd.Series | None = None


def finding(check: str, message: str, column: str | None = None) -> dict[str, Any]:
    return {"check": check, "column": column, "message": message}


def findings_of_data(
    train: Part, test: Part, classes: np.ndarray | None, drift: list[dict[str, Any]], seed: int
) -> list[dict[str, Any]]:
    """Look for mistakes in the two parts. Messages count, and never show a value: it might be personal.

    Args:
        classes: those of the training part, None for a regressor.
        drift: of the same parts.
    """
    return [
        *_alone(train, test, classes, seed),
        *_same_rows(train, test),
        *_odd_columns(train),
        *_unseen(train, test),
        *[
            finding("drifted_column", f"`{name}` differs between training and test part by {value:.2f} of 1", name)
            for name, value in ((entry["column"], entry["value"]) for entry in drift)
            if value >= DRIFTED
        ],
        *_few(test, classes),
    ]


def _alone(train: Part, test: Part, classes: np.ndarray | None, seed: int) -> Iterator[dict[str, Any]]:
    """A column that predicts the target by itself: most often it is the target in disguise, or known afterwards."""
    name = ALONE[scoring.task_of(classes)]
    rows = np.random.default_rng(seed).permutation(len(train.target))[:MOST_ROWS]
    leaf = max(1, min(5, len(rows) // 20))
    for column in train.matrix:
        values, unseen = train.matrix[[column]].iloc[rows], test.matrix[[column]]
        if values[column].dtype == object:
            encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
            values, unseen = encoder.fit_transform(values), encoder.transform(unseen)
        else:
            values, unseen = values.to_numpy(), unseen.to_numpy()
        kind = DecisionTreeRegressor if classes is None else DecisionTreeClassifier
        tree = kind(min_samples_leaf=leaf, random_state=seed).fit(values, train.target[rows])
        prediction = Prediction(tree.predict(unseen))
        if classes is not None and len(classes) == 2 and len(tree.classes_) == 2:
            probabilities = tree.predict_proba(unseen)
            prediction = Prediction(prediction.values, probabilities, probabilities[:, 1])
        value, _ = scoring.score(name, test.target, prediction, classes)
        if value is not None and value >= ALMOST_PERFECT:
            message = f"`{column}` alone predicts the target almost perfectly ({name} {value:.3f}): is it known before?"
            yield finding("predicts_alone", message, column)


def _same_rows(train: Part, test: Part) -> Iterator[dict[str, Any]]:
    """Rows that stand on both sides: what was learned by heart is then taken for knowledge."""
    n = len(test.target)
    if len(test.key.columns):
        both = np.isin(_hashes(test.key), _hashes(train.key)).sum()
        if both:
            yield finding("same_key", f"{both} of {n} rows of the test part have the key of a training row")
    of_train, of_test = (_hashes(part.matrix.assign(**{"": part.target})) for part in (train, test))
    if len(np.unique(of_train)) >= NEARLY_ALL_DIFFERENT * len(of_train):
        both = np.isin(of_test, of_train).sum()
        if both:
            message = f"{both} of {n} rows of the test part have the inputs and the target of a training row"
            yield finding("same_row", message)


def _odd_columns(train: Part) -> Iterator[dict[str, Any]]:
    first: dict[bytes, str] = {}
    n = len(train.target)
    for name, column in train.matrix.items():
        values = column.nunique()
        if values + column.isna().any() < 2:
            yield finding("constant_column", f"`{name}` has the same value in all {n} rows of the training part", name)
            continue
        if column.dtype == object and values >= OWN_VALUE * n:
            yield finding("identifier", f"`{name}` has {values} different texts in {n} rows of the training part", name)
        same = first.setdefault(_hashes(column).tobytes(), name)
        if same != name:
            yield finding("same_column", f"`{name}` holds what `{same}` holds, row by row", name)


def _unseen(train: Part, test: Part) -> Iterator[dict[str, Any]]:
    for name, column in test.matrix.items():
        if column.dtype == object:
            unseen = column[column.notna() & ~column.isin(train.matrix[name].dropna().unique())]
            if len(unseen):
                message = f"{unseen.nunique()} values of `{name}`, in {len(unseen)} of {len(column)} rows of the test "
                yield finding("unseen_category", message + "part, do not stand in the training part", name)


def _few(test: Part, classes: np.ndarray | None) -> Iterator[dict[str, Any]]:
    if test.cluster is not None and (clusters := test.cluster.nunique(dropna=False)) < FEW_CLUSTERS:
        message = f"the test part has {clusters} values of `{test.cluster.name}`: too few to draw them for intervals, "
        yield finding("few_clusters", message + "which take its rows as independent, and may be too narrow")
    if len(test.target) < FEW_ROWS:
        yield finding("few_rows", f"the test part has {len(test.target)} rows: no metric can be sure")
    elif classes is not None:
        for name, label in zip(scoring.class_names(classes), classes, strict=True):
            rows = int((test.target == label).sum())
            if rows < FEW_ROWS:
                yield finding("few_rows", f"the test part has {rows} rows of the class {name}: metrics are unsure")


def findings_of_model(
    metrics: Mapping[str, Mapping[str, float | None]],
    slices: list[dict[str, Any]],
    folds: list[float | None],
    prediction: Prediction,
    actual: np.ndarray,
    classes: np.ndarray | None,
) -> list[dict[str, Any]]:
    """Look for signs that a model is not worth its cost, or not what it seems.

    Args:
        metrics, slices: of metrics/evaluation.json.
        folds: the main metric in each fold of the cross-validation.
        prediction, actual: of the test part.
    """
    name = scoring.MAIN_METRIC[scoring.task_of(classes)]
    found, main = [], metrics[name]
    value, baseline, linear = main["value"], main["baseline"], main["linear"]
    if value is None:
        return found
    worst = main["high"] if name in scoring.LOWER_IS_BETTER else main["low"]
    if baseline is not None and worst is not None and scoring.gain(name, worst, baseline) <= 0:
        message = f"{name} is {value}, and its interval reaches the {baseline} of a model that looks at no input"
        found.append(finding("no_better_than_baseline", message))
    if linear is not None and scoring.gain(name, value, linear) <= 0:
        message = f"{name} is {value}, and the {linear} of a simple linear model is as good or better"
        found.append(finding("no_better_than_linear", message))
    elif linear is not None and main["gain_low"] is not None and main["gain_low"] <= 0:
        gain = f"between {main['gain_low']:.2g} and {main['gain_high']:.2g}"
        message = f"{name} is {value}, {linear} of a simple linear model; by the interval the gain is {gain}"
        found.append(finding("no_better_than_linear", message))
    known = [fold for fold in folds if fold is not None]
    if known and all(scoring.gain(name, value, fold) < 0 for fold in known):
        message = f"{name} is {value} on the test part, and better in every fold of the cross-validation"
        found.append(finding("worse_than_folds", message))
    if classes is not None and len(classes) == 2 and prediction.probabilities is not None:
        said, came = float(prediction.probabilities[:, 1].mean()), float((actual == classes[1]).mean())
        if abs(said - came) >= MISCALIBRATED:
            message = (
                f"the mean probability of {scoring.class_names(classes)[1]} is {said:.3f}, and {came:.3f} came true"
            )
            found.append(finding("miscalibrated", message))
    for entry in slices:
        limit = entry["metrics"][name]["low" if name in scoring.LOWER_IS_BETTER else "high"]
        if entry["rows"] >= FEW_ROWS and limit is not None and scoring.gain(name, limit, value) < 0:
            where, of = f"`{entry['column']}` {entry['value']}", entry["metrics"][name]["value"]
            found.append(finding("weak_slice", f"{name} is {of} for {where}, and {value} for all", entry["column"]))
    return found


def _hashes(rows: pd.DataFrame | pd.Series) -> np.ndarray:
    return pd.util.hash_pandas_object(rows, index=False).to_numpy()
