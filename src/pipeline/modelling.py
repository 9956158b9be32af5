"""Models: any classifier or regressor of scikit-learn, what prepares its inputs, fitting and predicting."""

import difflib
import importlib
import inspect
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import all_estimators, get_tags
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints
from threadpoolctl import ThreadpoolController

from pipeline.errors import ProjectError, ProjectErrors, nearest
from pipeline.params import Train

# More values of a text column than this share one code; it is also what HistGradientBoosting takes.
MAX_CATEGORIES = 255
MAX_CATEGORIES_LINEAR = 50  # its time grows with the square of the columns

# Options that the project sets itself, and what stands in their place.
FIXED_OPTIONS = {
    "random_state": "The `seed` of params.yaml is used.",
    "n_jobs": "All processors are used while fitting, and the model does not depend on how many they are.",
    "categorical_features": "With `train.encode: ordinal`, text columns are marked as categories.",
}


@dataclass(frozen=True)
class Prediction:
    """What a model says of n rows.

    Args:
        values: the predicted target, shape (n,).
        probabilities: of each class, shape (n, classes), or None where the model gives none.
        scores: what ranks the rows by how likely the second of two classes is, shape (n,), or None.
    """

    values: np.ndarray
    probabilities: np.ndarray | None = None
    scores: np.ndarray | None = None

    def of(self, rows: np.ndarray) -> "Prediction":
        """What was said of some rows, given by a mask or by numbers."""
        return Prediction(*(None if each is None else each[rows] for each in vars(self).values()))


def model_class(path: str, where: str = "params.yaml: train.model") -> type[BaseEstimator]:
    """Import a classifier or regressor by its import path, such as `sklearn.linear_model.Ridge`.

    Raises:
        ProjectError: not from scikit-learn, no such class, or neither a classifier nor a regressor.
    """
    module, _, name = path.rpartition(".")
    if not path.startswith("sklearn."):
        problem = f"found `{path}`, expected an import path that begins with `sklearn.`"
        raise ProjectError(where, problem, _nearest_class(path))
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise ProjectError(where, f"found `{path}`, no such class in scikit-learn", _nearest_class(path)) from None
    if not (inspect.isclass(found) and issubclass(found, ClassifierMixin | RegressorMixin)):
        raise ProjectError(where, f"`{path}` is neither a classifier nor a regressor", _nearest_class(path))
    return found


def _nearest_class(path: str) -> str:
    classes = [cls for kind in ("classifier", "regressor") for _, cls in all_estimators(kind)]
    paths = [re.sub(r"\._.*\.", ".", f"{cls.__module__}.{cls.__name__}") for cls in classes]
    return nearest(path, difflib.get_close_matches(path, paths, n=3, cutoff=0), "nearest classes")


def check_model(train: Train, where: str = "params.yaml: train") -> None:
    """Check the model and its options as far as that goes without data.

    Raises:
        ProjectErrors: no such class, unknown or missing options, values that scikit-learn does not take.
    """
    try:
        cls = model_class(train.model, f"{where}.model")
    except ProjectError as mistake:
        raise ProjectErrors([mistake]) from None
    options = [(f"{where}.options.{name}", name, value) for name, value in train.options.items()]
    for name, values in train.search.options.items() if train.search else ():
        options += [(f"{where}.search.options.{name}", name, value) for value in values]
    errors = [error for option in options if (error := _option_mistake(cls, *option))]
    if train.calibrate != "none" and not issubclass(cls, ClassifierMixin):
        problem = f"{cls.__name__} is a regressor, which gives no probabilities"
        errors.append(ProjectError(f"{where}.calibrate", problem, "Set it to none."))
    if train.threshold != "f1" and not 0 <= train.threshold <= 1:
        problem = f"found {train.threshold}, expected f1 or a probability between 0 and 1"
        errors.append(ProjectError(f"{where}.threshold", problem))
    try:
        if not errors:
            _takes_missing(cls(**train.options))
    except (TypeError, AttributeError):
        problem = f"{cls.__name__} is made of other models, which params.yaml cannot name"
        errors.append(ProjectError(f"{where}.model", problem, "Choose a class that works by itself."))
    if train.pca is not None and not (train.pca >= 1 if isinstance(train.pca, int) else 0 < train.pca < 1):
        expected = "expected a number of components (1, 2, …) or a share of the variance between 0 and 1"
        errors.append(ProjectError(f"{where}.pca", f"found {train.pca!r}, {expected}"))
    if errors:
        raise ProjectErrors(errors)


def _option_mistake(cls: type[BaseEstimator], place: str, name: str, value: Any) -> ProjectError | None:
    parameters = inspect.signature(cls).parameters
    if name not in parameters:
        free = [option for option in parameters if option not in FIXED_OPTIONS]
        return ProjectError(place, f"no such option of {cls.__name__}", nearest(name, free, "options"))
    if name in FIXED_OPTIONS:
        return ProjectError(place, "this option is set by the project", FIXED_OPTIONS[name])
    try:
        validate_parameter_constraints(cls._parameter_constraints, {name: value}, cls.__name__)
    except InvalidParameterError as exc:
        expected = re.sub(r"(?s).* must be (.*)\. Got .*", r"expected \1", str(exc))
        return ProjectError(place, f"found {value!r}, {expected}")
    return None


def build(train: Train, matrix: pd.DataFrame, seed: int, most_categories: int = MAX_CATEGORIES) -> Pipeline:
    """Make the unfitted pipeline: columns prepared by type, principal components if asked for, then the model.

    Numbers are imputed and scaled if asked for. Text is encoded, the values of the training part only: as numbers in
    the order of the alphabet, where missing or unseen text is -1 (NaN for a model that takes missing values), or as one
    column a value, where missing text is a value of its own and unseen text is none, or one of the rare ones. Of more
    than `most_categories` values the rare ones share a code. HistGradientBoosting takes ordinal codes as categories.

    Args:
        matrix: inputs from `to_matrix`, of which only names and types are used.
    """
    cls = model_class(train.model)
    options: dict[str, Any] = dict(train.options)
    text = [name for name in matrix if matrix[name].dtype == object]
    numbers = [name for name in matrix if name not in text]
    parameters = inspect.signature(cls).parameters
    if "random_state" in parameters:
        options["random_state"] = seed
    takes_categories = "categorical_features" in parameters
    if takes_categories:  # the encoded text stands first
        marked = bool(text) and train.encode == "ordinal" and train.pca is None
        options["categorical_features"] = list(range(len(text))) if marked else None
    model = cls(**options)
    limit = options.get("max_bins", most_categories) if takes_categories else most_categories
    gap = np.nan if _takes_missing(model) and train.pca is None else -1
    if train.encode == "one_hot":
        encoder = OneHotEncoder(max_categories=limit, handle_unknown="infrequent_if_exist", sparse_output=False)
    else:
        unknown = {"handle_unknown": "use_encoded_value", "unknown_value": gap, "encoded_missing_value": gap}
        encoder = OrdinalEncoder(max_categories=limit, **unknown)
    steps = []
    if train.impute != "none":  # a column that is empty in one fold keeps its place
        steps.append(("impute", SimpleImputer(strategy=train.impute, keep_empty_features=True)))
    if train.scale:
        steps.append(("scale", StandardScaler()))
    columns = [("text", encoder, text), ("numbers", Pipeline(steps) if steps else "passthrough", numbers)]
    columns = ColumnTransformer([column for column in columns if column[-1]])
    components = [("pca", PCA(train.pca, random_state=seed))] if train.pca is not None else []
    return Pipeline([("columns", columns), *components, ("model", model)])


def build_baseline(train: Train) -> Pipeline:
    """Make the model that looks at no input: the shares of the classes, or the mean."""
    classifies = issubclass(model_class(train.model), ClassifierMixin)
    return Pipeline([("model", DummyClassifier(strategy="prior") if classifies else DummyRegressor())])


def build_linear(matrix: pd.DataFrame, classes: np.ndarray | None, seed: int) -> Pipeline:
    """Make the simple linear model that the model should beat: logistic or ridge regression with default options.

    Newton's method is fast, and comes so near to the optimum that the coefficients' last bits hardly depend on the
    processor. For more than two classes it would take memory with the square of their number.

    Args:
        classes: those of the target, None for numbers.
    """
    if classes is None:
        model, options = "sklearn.linear_model.Ridge", {"solver": "cholesky"}
    else:
        model = "sklearn.linear_model.LogisticRegression"
        options = {"solver": "newton-cholesky", "tol": 1e-8} if len(classes) == 2 else {"max_iter": 1000}
    settings = Train(model=model, options=options, encode="one_hot", impute="median", scale=True)
    return build(settings, matrix, seed, MAX_CATEGORIES_LINEAR)


def _takes_missing(model: BaseEstimator) -> bool:
    if isinstance(model, CalibratedClassifierCV):
        model = model.estimator
    return get_tags(model).input_tags.allow_nan


def refuse_missing(pipeline: Pipeline, matrix: pd.DataFrame, where: str) -> None:
    """Refuse missing numbers where nothing fills them and the model does not take them.

    Raises:
        ProjectError: names the columns and how many values each lacks.
    """
    if "columns" not in pipeline.named_steps:
        return
    prepared = {name: step for name, step, _ in pipeline.named_steps["columns"].transformers}.get("numbers")
    filled = isinstance(prepared, Pipeline) and "impute" in prepared.named_steps
    if filled or (_takes_missing(pipeline.named_steps["model"]) and "pca" not in pipeline.named_steps):
        return
    missing = matrix.select_dtypes("float64").isna().sum()
    if missing.any():
        counts = ", ".join(f"`{name}` {count}" for name, count in missing[missing > 0].items())
        taker = "pca" if "pca" in pipeline.named_steps else type(pipeline.named_steps["model"]).__name__
        problem = f"{taker} takes no missing values, and of {len(matrix)} rows are missing: {counts}"
        raise ProjectError(where, problem, "Set train.impute to mean or median in params.yaml, or fill them in clean.")


def one_thread() -> AbstractContextManager:
    """Make a context in which BLAS and OpenMP use one thread.

    The last bits of a matrix product depend on how many there are. And OpenMP threads wait for each other by spinning:
    where two experiments share two processors, HistGradientBoosting takes five times as long with two threads as with
    one. BLAS is set for the process, OpenMP for the calling thread: so enter it before starting threads, and in each.
    """
    return _libraries().limit(limits=1)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # looks for them among all that are loaded: 5 ms


def fit(pipeline: Pipeline, matrix: pd.DataFrame, target: np.ndarray, where: str = "params.yaml: train") -> Pipeline:
    """Fit a pipeline in place; forests use all processors, for their threads cannot change the result.

    Raises:
        ProjectError: missing values that the model does not take, or whatever scikit-learn refuses, in one line.
    """
    refuse_missing(pipeline, matrix, where)
    _name_weighted_classes(pipeline[-1], np.unique(target), where)
    try:
        with one_thread(), joblib.parallel_config(backend="threading", n_jobs=-1):
            return pipeline.fit(matrix, target)
    except (ValueError, TypeError) as exc:
        name = type(pipeline.named_steps["model"]).__name__
        reason = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
        raise ProjectError(where, f"{name} cannot be fitted: {reason}") from exc


def _name_weighted_classes(model: BaseEstimator, classes: np.ndarray, where: str) -> None:
    """Check that weights name every class, and name them as HistGradientBoosting wants: by their numbers.

    It numbers the classes before it looks for their weights (scikit-learn 1.9), and so finds no text.
    """
    weights = getattr(model, "class_weight", None)
    if not isinstance(weights, dict):
        return
    missing = [label for label in classes.tolist() if label not in weights]
    if missing:
        problem = f"no weight for the class {missing[0]}"
        raise ProjectError(f"{where}.options.class_weight", problem, f"Give one to each of {classes.tolist()}.")
    if hasattr(model, "categorical_features"):
        model.set_params(class_weight={number: weights[label] for number, label in enumerate(classes.tolist())})


def predict(pipeline: Pipeline, matrix: pd.DataFrame, where: str) -> Prediction:
    """Predict rows; one row gives what it gives in a table.

    Raises:
        ProjectError: missing values that the model does not take.
    """
    refuse_missing(pipeline, matrix, where)
    with one_thread():
        values = np.ravel(pipeline.predict(matrix))
        if not is_classifier(pipeline):
            return Prediction(values)
        probabilities = pipeline.predict_proba(matrix) if hasattr(pipeline, "predict_proba") else None
        if len(pipeline.classes_) != 2:
            return Prediction(values, probabilities)
        return Prediction(
            values, probabilities, rank(pipeline, matrix) if probabilities is None else probabilities[:, 1]
        )


def rank(pipeline: Pipeline, matrix: pd.DataFrame) -> np.ndarray | None:
    """What ranks rows by how likely the second of two classes is, shape (n,); None where the model does not rank."""
    with one_thread():
        if hasattr(pipeline, "predict_proba"):
            return pipeline.predict_proba(matrix)[:, 1]
        return pipeline.decision_function(matrix) if hasattr(pipeline, "decision_function") else None
