"""Models: what may be chosen, what prepares the inputs, and that only the training part is learned from."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from pipeline import modelling
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.matrix import to_matrix, to_target
from pipeline.params import Search, Train

LOGISTIC = "sklearn.linear_model.LogisticRegression"
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"


def text(*values):
    return pd.array(values, dtype="str")


def inputs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "distance": [100.0, 300.0, np.nan, 800.0],
            "seats": pd.array([2, None, 180, 190], dtype="Int64"),
            "night": pd.array([True, False, None, False], dtype="boolean"),
            "carrier": text("UA", "AA", None, "UA"),
        }
    )


def test_class_is_imported_by_its_path():
    assert modelling.model_class("sklearn.linear_model.Ridge") is Ridge


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("sklearn.svm.SVCC", r"no such class in scikit-learn\n  Did you mean `sklearn.svm.SVC`"),
        ("sklearn.linearmodel.Ridge", r"no such class in scikit-learn\n  Did you mean `sklearn.linear_model.Ridge`"),
        ("xgboost.XGBClassifier", "begins with `sklearn.`"),
        ("Ridge", "begins with `sklearn.`"),
        ("sklearn.cluster.KMeans", "neither a classifier nor a regressor"),
        ("sklearn.metrics.accuracy_score", "neither a classifier nor a regressor"),
    ],
)
def test_wrong_class_is_refused_with_the_nearest(path, problem):
    with pytest.raises(ProjectError, match=problem) as error:
        modelling.model_class(path)
    assert str(error.value).startswith("params.yaml: train.model: ")


@pytest.mark.parametrize(
    ("settings", "messages"),
    [
        (
            {"model": BOOSTING, "options": {"max_itr": 3}},
            [
                "params.yaml: train.options.max_itr: no such option of HistGradientBoostingClassifier\n"
                "  Did you mean `max_iter`?"
            ],
        ),
        (
            {"model": BOOSTING, "options": {"max_iter": "many", "learning_rate": -1}},
            [
                "params.yaml: train.options.max_iter: found 'many', expected an int in the range [1, inf)",
                "params.yaml: train.options.learning_rate: found -1, expected a float in the range (0.0, inf)",
            ],
        ),
        (
            {"model": BOOSTING, "options": {"random_state": 3, "categorical_features": [0]}},
            [
                "params.yaml: train.options.random_state: this option is set by the project\n  The `seed`",
                "params.yaml: train.options.categorical_features: this option is set by the project\n  With",
            ],
        ),
        (
            {"model": "sklearn.ensemble.RandomForestClassifier", "options": {"n_jobs": 2}},
            ["params.yaml: train.options.n_jobs: this option is set by the project\n  All processors"],
        ),
        (
            {"model": "sklearn.ensemble.VotingClassifier"},
            ["params.yaml: train.model: VotingClassifier is made of other models, which params.yaml cannot name"],
        ),
        (
            {"model": "sklearn.semi_supervised.SelfTrainingClassifier"},
            ["params.yaml: train.model: SelfTrainingClassifier is made of other models"],
        ),
        ({"model": LOGISTIC, "pca": 1.5}, ["params.yaml: train.pca: found 1.5, expected a number of components"]),
        ({"model": LOGISTIC, "pca": 0}, ["params.yaml: train.pca: found 0, expected a number of components"]),
        (
            {"model": LOGISTIC, "search": Search(kind="grid", options={"C": [1, "many"], "c": [1]})},
            [
                "params.yaml: train.search.options.C: found 'many', expected a float in the range (0.0, inf]",
                "params.yaml: train.search.options.c: no such option of LogisticRegression\n  Did you mean `C`?",
            ],
        ),
        (
            {"model": "sklearn.linear_model.Ridge", "calibrate": "sigmoid", "threshold": 1.5},
            [
                "params.yaml: train.calibrate: Ridge is a regressor, which gives no probabilities\n  Set it to none.",
                "params.yaml: train.threshold: found 1.5, expected f1 or a probability between 0 and 1",
            ],
        ),
        ({"model": "sklearn.svm.SVK"}, ["params.yaml: train.model: found `sklearn.svm.SVK`, no such class"]),
    ],
)
def test_wrong_settings_are_named_all_at_once(settings, messages):
    with pytest.raises(ProjectErrors) as errors:
        modelling.check_model(Train(**settings))
    assert len(errors.value.errors) == len(messages)
    for found, message in zip(errors.value.errors, messages, strict=True):
        assert str(found).startswith(message)


def test_right_settings_pass():
    modelling.check_model(Train(model=BOOSTING, options={"max_depth": None, "l2_regularization": 1}, pca=0.9))


def test_matrix_holds_numbers_and_text_and_nan_for_missing():
    expected = pd.DataFrame(
        {
            "distance": [100.0, 300.0, np.nan, 800.0],
            "seats": [2.0, np.nan, 180.0, 190.0],
            "night": [1.0, 0.0, np.nan, 0.0],
            "carrier": pd.Series(["UA", "AA", np.nan, "UA"], dtype=object),
        }
    )
    pd.testing.assert_frame_equal(to_matrix(inputs()), expected, check_exact=True)


def test_times_and_infinite_numbers_are_refused_as_inputs():
    table = pd.DataFrame({"time_hour": pd.array(["2013-01-01"], dtype="datetime64[us]"), "wind": [np.inf]})
    with pytest.raises(ProjectErrors) as errors:
        to_matrix(table)
    assert [str(error) for error in errors.value.errors] == [
        "params.yaml: serve.inputs: time_hour: a model cannot read a column of type datetime64[us]\n"
        "  Derive numbers from it, such as {function: hour_of, column: time_hour}, and name these.",
        "params.yaml: serve.inputs: wind: 1 of 1 values are infinite\n"
        "  Blank them by a rule in `clean`, or derive it otherwise.",
    ]


@pytest.mark.parametrize(
    ("target", "model", "expected"),
    [
        (pd.array([True, False], dtype="boolean"), LogisticRegression, np.array([True, False])),
        (text("b", "a"), LogisticRegression, np.array(["b", "a"])),
        (pd.array([3, 1], dtype="Int64"), LogisticRegression, np.array([3, 1])),
        (pd.array([3, 1], dtype="Int64"), Ridge, np.array([3.0, 1.0])),
        (pd.array([0.5, 1.5]).to_numpy(float), Ridge, np.array([0.5, 1.5])),
    ],
)
def test_target_is_classes_or_numbers_as_the_model_needs(target, model, expected):
    found = to_target(pd.Series(target, name="late"), model)
    assert found.dtype == expected.dtype and found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("target", "model", "problem"),
    [
        (pd.array([True, None, None], dtype="boolean"), LogisticRegression, "`late` is missing in 2 of 3 rows"),
        ([0.5, 1.5], LogisticRegression, r"(?s)float64, and LogisticRegression .* is a classifier.*Choose a regressor"),
        (text("a", "b"), Ridge, "(?s)str, and Ridge of train.model is a regressor.*Choose a classifier"),
        (pd.array([True, False], dtype="boolean"), Ridge, "boolean, and Ridge of train.model is a regressor"),
        ([1.0, np.inf], Ridge, "`late` is infinite in 1 of 2 rows"),
        (pd.array(["2013-01-01"], dtype="datetime64[us]"), Ridge, r"datetime64\[us\], and Ridge"),
    ],
)
def test_target_of_another_kind_is_refused(target, model, problem):
    with pytest.raises(ProjectError, match=problem):
        to_target(pd.Series(target, name="late"), model)


def fitted(train: Train, table: pd.DataFrame, target=(True, False, True, False)):
    matrix = to_matrix(table)
    return modelling.fit(modelling.build(train, matrix, 7), matrix, np.array(target))


def test_text_becomes_ordered_codes_and_rare_missing_and_unseen_have_theirs():
    encode = fitted(Train(model=LOGISTIC, impute="mean"), inputs())["columns"]
    seen = to_matrix(inputs().assign(carrier=text("AA", "UA", None, "ZZ")))
    assert encode.transform(seen)[:, 0].tolist() == [0.0, 1.0, -1.0, -1.0]


def test_codes_are_categories_of_histogram_boosting_and_gaps_stay_gaps():
    model = fitted(Train(model=BOOSTING), inputs())
    assert model["model"].is_categorical_.tolist() == [True, False, False, False]
    unseen = model["columns"].transform(to_matrix(inputs().assign(carrier=text("AA", "UA", None, "ZZ"))))
    assert np.array_equal(unseen[:, 0], [0.0, 1.0, np.nan, np.nan], equal_nan=True)


def test_values_beyond_the_limit_share_a_code():
    carriers = [f"C{i:03}" for i in range(300)] + ["C000", "C299"]
    table = pd.DataFrame({"carrier": text(*carriers)})
    for encode, width in (("ordinal", 1), ("one_hot", modelling.MAX_CATEGORIES)):
        model = fitted(Train(model=BOOSTING, encode=encode), table, np.arange(302) % 2 == 0)
        codes = model["columns"].transform(to_matrix(table))
        assert codes.shape[1] == width
        assert len(np.unique(codes, axis=0)) == modelling.MAX_CATEGORIES


def test_one_hot_has_a_column_for_missing_text_and_none_for_unseen():
    encode = fitted(Train(model=LOGISTIC, encode="one_hot", impute="mean"), inputs())["columns"]
    seen = to_matrix(inputs().assign(carrier=text("AA", "UA", None, "ZZ")))
    assert encode.transform(seen)[:, :3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(("impute", "distance", "seats"), [("mean", 400.0, 124.0), ("median", 300.0, 180.0)])
def test_all_statistics_are_those_of_the_training_part(impute, distance, seats):
    model = fitted(Train(model=LOGISTIC, impute=impute, scale=True, pca=2), inputs())
    numbers = model["columns"].named_transformers_["numbers"]
    assert numbers["impute"].statistics_.tolist() == [distance, seats, 1 / 3 if impute == "mean" else 0.0]
    filled = np.array([100, 300, distance, 800])
    assert numbers["scale"].mean_[0] == filled.mean() and numbers["scale"].var_[0] == pytest.approx(filled.var())
    assert model["columns"].named_transformers_["text"].categories_[0][:2].tolist() == ["AA", "UA"]
    assert model["pca"].n_components_ == 2
    before = model["columns"].transform(to_matrix(inputs()))
    test = inputs().assign(distance=1e9, seats=pd.array([5] * 4, dtype="Int64"), carrier=text(*"WXYZ"))
    modelling.predict(model, to_matrix(test), "data/ready/test")
    assert np.array_equal(model["columns"].transform(to_matrix(inputs())), before)


@pytest.mark.parametrize("model", [LOGISTIC, BOOSTING])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_row_predicts_alone_what_it_predicts_in_the_table(model):
    table = pd.concat([inputs()] * 20, ignore_index=True)
    fit = fitted(Train(model=model, impute="median"), table, [True, False, True, False] * 20)
    together = modelling.predict(fit, to_matrix(table), "test")
    for row in range(4):
        alone = modelling.predict(fit, to_matrix(table.iloc[[row]]), "test")
        assert alone.values[0] == together.values[row]
        assert alone.scores[0] == pytest.approx(together.scores[row], abs=1e-12)


def test_missing_numbers_that_nobody_fills_are_named_with_their_count():
    with pytest.raises(ProjectError, match="of 4 rows are missing: `distance` 1, `seats` 1, `night` 1"):
        fitted(Train(model=LOGISTIC), inputs())
    with pytest.raises(ProjectError, match=r"(?s)pca takes no missing values.*Set train.impute"):
        fitted(Train(model=BOOSTING, pca=2), inputs())


def test_missing_numbers_that_come_first_in_the_test_part_are_named_too():
    complete = inputs().fillna({"distance": 1.0, "seats": 1, "night": False})
    model = fitted(Train(model=LOGISTIC), complete)
    with pytest.raises(ProjectError, match="data/ready/test: LogisticRegression takes no missing"):
        modelling.predict(model, to_matrix(inputs()), "data/ready/test")


def test_what_scikit_learn_refuses_is_one_line():
    with pytest.raises(ProjectError) as error:
        fitted(Train(model=LOGISTIC, impute="mean", pca=9), inputs())
    assert str(error.value).startswith("params.yaml: train: LogisticRegression cannot be fitted: n_components=9 must")
    assert "\n" not in str(error.value)


def test_seed_decides_what_is_random():
    train = Train(model="sklearn.ensemble.RandomForestClassifier", options={"n_estimators": 3})
    assert modelling.build(train, to_matrix(inputs()), 7)["model"].random_state == 7


def test_model_without_probabilities_gives_scores():
    prediction = modelling.predict(
        fitted(Train(model="sklearn.svm.LinearSVC", impute="mean"), inputs()), to_matrix(inputs()), "test"
    )
    assert prediction.probabilities is None and prediction.scores.shape == (4,)


def test_linear_model_is_of_the_kind_of_the_model_and_fills_encodes_and_scales_by_itself():
    matrix = to_matrix(pd.concat([inputs()] * 5, ignore_index=True))
    for kind, target in ((LogisticRegression, [True, False] * 10), (LogisticRegression, [*"abcd"] * 5), (Ridge, None)):
        classes, known = (None, np.arange(20.0)) if target is None else np.unique(target, return_inverse=True)
        linear = modelling.fit(modelling.build_linear(matrix, classes, 7), matrix, known)
        assert type(linear[-1]) is kind and linear[-1].coef_.shape[-1] == 3 + 3
        assert np.isfinite(modelling.predict(linear, to_matrix(inputs()), "test").values.astype(float)).all()


def test_linear_model_keeps_to_few_columns():
    table = to_matrix(pd.DataFrame({"carrier": text(*[f"C{i:03}" for i in range(300)])}))
    linear = modelling.fit(modelling.build_linear(table, np.array([False, True]), 7), table, np.arange(300) % 2 == 0)
    assert linear[-1].coef_.size == modelling.MAX_CATEGORIES_LINEAR


def test_baseline_knows_only_the_shares_of_the_classes():
    matrix = to_matrix(inputs())
    target = np.array([True, False, False, False])
    baseline = modelling.fit(modelling.build_baseline(Train(model=LOGISTIC)), matrix, target)
    assert modelling.predict(baseline, matrix, "test").probabilities.tolist() == [[0.75, 0.25]] * 4
