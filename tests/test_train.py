"""Training: folds without a leak, what the metrics say, mistakes in words, the same bytes from every process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import train
from pipeline import modelling
from pipeline.decisions import choose_threshold
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.folds import make_folds
from pipeline.modelling import predict
from pipeline.params import Search, Split, Train
from pipeline.ready import part_path, write_ready_part, write_schema

ROWS = 60
STAGE = Path(train.__file__)
LOGISTIC = Train(model="sklearn.linear_model.LogisticRegression", impute="mean", scale=True, folds=3)


def flights() -> pd.DataFrame:
    """Two flights an hour, in no order; late in every third hour, and longer flights a little more often."""
    order = np.random.default_rng(1).permutation(ROWS)
    hour = order // 2
    return pd.DataFrame(
        {
            "time_hour": pd.Series(np.datetime64("2013-01-01", "us") + hour * np.timedelta64(3600, "s")),
            "flight": pd.array(order, dtype="Int64"),
            "carrier": pd.array(np.where(order % 2, "UA", "AA"), dtype="str"),
            "distance": np.where(order % 7 == 0, np.nan, 100.0 * (hour % 3) + order % 5),
            "late": pd.array((hour % 3 == 2) ^ (order == 5), dtype="boolean"),
        }
    )


def booleans(value: bool | None) -> pd.Series:
    return pd.Series([value] * ROWS, dtype="boolean")


TIME = Split(by="time", column="time_hour", test_share=0.25)
KEY = Split(by="key", test_share=0.25)
GROUP = Split(by="group", column="carrier", test_share=0.25)
INPUTS = ["carrier", "distance"]


def test_folds_by_time_judge_by_rows_later_than_all_they_learn_from():
    table = flights()
    folds = make_folds(table, TIME, 4, 7)
    assert [(len(learn), len(judge)) for learn, judge in folds] == [(12, 12), (24, 12), (36, 12), (48, 12)]
    for learn, judge in folds:
        assert table["time_hour"].iloc[learn].max() < table["time_hour"].iloc[judge].min()


def test_folds_by_group_keep_a_group_on_one_side():
    table = flights().assign(carrier=pd.array(list("abcdef") * 10, dtype="str"))
    folds = make_folds(table, GROUP, 3, 7)
    assert sorted(row for _, judge in folds for row in judge) == list(range(ROWS))
    for learn, judge in folds:
        assert not set(table["carrier"].iloc[learn]) & set(table["carrier"].iloc[judge])


def test_folds_by_key_keep_a_repeated_row_on_one_side_and_follow_the_seed():
    table = pd.concat([flights()] * 3, ignore_index=True)
    folds = make_folds(table, KEY, 5, 7)
    assert sorted(row for _, judge in folds for row in judge) == list(range(3 * ROWS))
    for learn, judge in folds:
        assert not set(table["flight"].iloc[learn]) & set(table["flight"].iloc[judge])
    again, other = make_folds(table, KEY, 5, 7), make_folds(table, KEY, 5, 8)
    assert np.array_equal(folds[0][1], again[0][1]) and not np.array_equal(folds[0][1], other[0][1])


@pytest.mark.parametrize(
    ("split", "problem"),
    [
        (TIME, "30 folds need 31 different values of `time_hour`, and the training part has 30"),
        (GROUP, "30 folds need 30 different values of `carrier`, and the training part has 2"),
    ],
)
def test_more_folds_than_the_data_allow_are_refused(split, problem):
    with pytest.raises(ProjectError, match=f"params.yaml: train.folds: {problem}"):
        make_folds(flights(), split, 30, 7)


def test_metrics_are_mean_and_spread_of_the_folds():
    metrics = train.train_model(flights(), INPUTS, "late", TIME, LOGISTIC, 7).metrics
    assert list(metrics) == [
        *("cv_roc_auc", "cv_roc_auc_std", "folds", "threshold", "threshold_linear", "train_rows", "features")
    ]
    assert len(metrics["folds"]) == 3
    assert metrics["cv_roc_auc"] == pytest.approx(np.mean(metrics["folds"]), abs=1e-6)
    assert metrics["cv_roc_auc_std"] == pytest.approx(np.std(metrics["folds"], ddof=1), abs=1e-6)
    assert (metrics["train_rows"], metrics["features"]) == (ROWS, 2)


def test_regression_and_many_classes_have_metrics_of_their_own():
    table = flights().assign(hour=lambda t: t["time_hour"].dt.hour.astype("Int64") % 3)
    ridge = Train(model="sklearn.linear_model.Ridge", impute="mean", folds=2)
    assert "cv_rmse" in train.train_model(table, INPUTS, "hour", KEY, ridge, 7).metrics
    trained = train.train_model(table, INPUTS, "hour", KEY, LOGISTIC, 7)
    assert "cv_f1" in trained.metrics and trained.model.classes_.tolist() == [0, 1, 2]


def test_fold_that_learns_from_one_class_has_no_value():
    table = flights()
    table["late"] = pd.array(table["time_hour"] >= np.datetime64("2013-01-01T20", "us"), dtype="boolean")
    metrics = train.train_model(table, INPUTS, "late", TIME, LOGISTIC, 7).metrics
    assert metrics["folds"] == [None, None, None] and metrics["cv_roc_auc"] is None
    assert metrics["threshold"] == 0.5
    with pytest.raises(ProjectError, match=r"train\.calibrate: no fold .* is judged by a row of the class False"):
        train.train_model(table, INPUTS, "late", TIME, LOGISTIC.model_copy(update={"calibrate": "sigmoid"}), 7)


def searching(kind: str = "grid", **more) -> Train:
    options = {"C": [1e-6, 1.0], "class_weight": [None, "balanced"]}
    return LOGISTIC.model_copy(update={"search": Search(kind=kind, options=options, **more)})


def test_search_takes_the_options_that_do_best_in_the_folds():
    trained = train.train_model(flights(), INPUTS, "late", TIME, searching(), 7)
    trials = trained.metrics["search"]
    assert [trial["options"] for trial in trials] == [
        {"C": c, "class_weight": weight} for c in (1e-6, 1.0) for weight in (None, "balanced")
    ]
    best = max(trials, key=lambda trial: trial["cv_roc_auc"])
    assert trained.metrics["best"] == best["options"]
    assert (trained.metrics["cv_roc_auc"], trained.metrics["folds"]) == (best["cv_roc_auc"], best["folds"])
    assert best["options"]["C"] == trained.model[-1].C
    single = train.train_model(flights(), INPUTS, "late", TIME, LOGISTIC, 7)
    assert trials[2]["folds"] == single.metrics["folds"]  # C=1, no weights: what LOGISTIC is without a search


def test_search_for_the_smallest_error_of_numbers():
    search = Search(kind="random", options={"alpha": [1e-3, 1e9]})
    ridge = Train(model="sklearn.linear_model.Ridge", impute="mean", folds=2, search=search)
    table = flights().assign(delay=lambda t: t["distance"].fillna(0) * 2)
    assert train.train_model(table, INPUTS, "delay", KEY, ridge, 7).metrics["best"] == {"alpha": 1e-3}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("linear_model.LogisticRegression", {}),
        ("ensemble.HistGradientBoostingClassifier", {"max_iter": 5}),
        ("ensemble.RandomForestClassifier", {"n_estimators": 5, "max_depth": 2}),
    ],
)
@pytest.mark.parametrize(("target", "rare"), [("late", True), ("when", "late")])
def test_classes_are_weighted_by_the_options_of_the_model(model, options, target, rare):
    table = flights().assign(when=lambda t: np.where(t["late"], "late", "on time")).astype({"when": "str"})
    shares = []
    for weight in (None, "balanced", {rare: 50, ("on time" if rare == "late" else False): 1}):
        settings = LOGISTIC.model_copy(
            update={"model": f"sklearn.{model}", "options": options | {"class_weight": weight}}
        )
        modelling.check_model(settings)
        fitted = train.train_model(table, INPUTS, target, KEY, settings, 7).model
        column = fitted.classes_.tolist().index(rare)
        shares.append(predict(fitted, train.to_matrix(table[INPUTS]), "").probabilities[:, column].mean())
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize("split", [TIME, KEY])
def test_calibration_learns_from_what_the_folds_did_not_see(split):
    calibrated = LOGISTIC.model_copy(update={"calibrate": "sigmoid", "options": {"class_weight": "balanced"}})
    plain = calibrated.model_copy(update={"calibrate": "none"})
    found, without = (train.train_model(flights(), INPUTS, "late", split, each, 7) for each in (calibrated, plain))
    assert found.metrics["folds"] == without.metrics["folds"]
    matrix = train.to_matrix(flights()[INPUTS])
    probabilities = [predict(each.model, matrix, "").scores for each in (found, without)]
    assert np.array_equal(*(np.argsort(each, kind="stable") for each in probabilities))
    share = flights()["late"].mean()
    assert abs(probabilities[0].mean() - share) < abs(probabilities[1].mean() - share)


def test_calibration_gives_probabilities_to_a_model_without():
    settings = LOGISTIC.model_copy(update={"model": "sklearn.svm.LinearSVC", "calibrate": "isotonic"})
    trained = train.train_model(flights(), INPUTS, "late", KEY, settings, 7)
    assert 0 < trained.metrics["threshold"] < 1
    settings = settings.model_copy(update={"calibrate": "none"})
    assert "threshold" not in train.train_model(flights(), INPUTS, "late", KEY, settings, 7).metrics


def test_threshold_is_that_of_the_best_f1_out_of_fold(monkeypatch):
    trained = train.train_model(flights(), INPUTS, "late", KEY, LOGISTIC, 7)
    known, probabilities = flights()["late"].to_numpy(bool), np.empty(ROWS)
    matrix = train.to_matrix(flights()[INPUTS])
    for learn, rest in make_folds(flights(), KEY, 3, 7):
        model = modelling.fit(modelling.build(LOGISTIC, matrix, 7), matrix.iloc[learn], known[learn])
        probabilities[rest] = predict(model, matrix.iloc[rest], "").scores
    assert trained.metrics["threshold"] == choose_threshold(known, probabilities)


def test_threshold_of_params_is_taken_as_it_is():
    metrics = train.train_model(
        flights(), INPUTS, "late", KEY, LOGISTIC.model_copy(update={"threshold": 0.4}), 7
    ).metrics
    assert metrics["threshold"] == metrics["threshold_linear"] == 0.4


def test_folds_and_their_number_change_nothing_in_the_model():
    two, three = (
        train.train_model(flights(), INPUTS, "late", TIME, LOGISTIC.model_copy(update={"folds": folds}), 7).model
        for folds in (2, 3)
    )
    matrix = train.to_matrix(flights()[INPUTS])
    assert np.array_equal(predict(two, matrix, "").scores, predict(three, matrix, "").scores)


@pytest.mark.parametrize(
    ("change", "settings", "problem"),
    [
        (
            {"late": booleans(None)},
            {},
            "params.yaml: serve.target: `late` is missing in 60 of 60 rows",
        ),
        (
            {"late": booleans(False)},
            {},
            "params.yaml: serve.target: `late` is False in all 60 rows of the training part",
        ),
        ({"late": 0.5}, {}, "`late` is of type float64, and LogisticRegression of train.model is a classifier"),
        ({"distance": np.nan}, {}, "params.yaml: train.impute: `distance` has no value in the training part"),
        ({}, {"impute": "none"}, "params.yaml: train: LogisticRegression takes no missing values"),
        (
            {},
            {"options": {"class_weight": {"true": 3, "false": 1}}},
            r"params.yaml: train.options.class_weight: no weight for the class False\n  Give one to each of \[False, True\]",
        ),
        ({}, {"model": "sklearn.linear_model.Ridge"}, "boolean, and Ridge of train.model is a regressor"),
    ],
)
def test_data_that_the_model_cannot_learn_from_are_refused(change, settings, problem):
    with pytest.raises(ProjectError, match=problem):
        train.train_model(flights().assign(**change), INPUTS, "late", TIME, LOGISTIC.model_copy(update=settings), 7)


def test_empty_training_part_is_refused():
    with pytest.raises(ProjectError, match="data/ready/train: no rows"):
        train.train_model(flights().iloc[:0], INPUTS, "late", TIME, LOGISTIC, 7)


PARAMS = """
seed: 7
serve:
  target: late
  inputs: [carrier, distance]
  split: {by: time, column: time_hour, test_share: 0.25}
train:
  model: sklearn.ensemble.HistGradientBoostingClassifier
  options: {max_iter: 10, min_samples_leaf: 3}
  folds: 3
  search: {kind: random, options: {max_depth: [1, 2, 3], learning_rate: [0.1, 0.3]}, trials: 3}
  calibrate: sigmoid
"""


def project(folder: Path, params: str = PARAMS) -> Path:
    (folder / "data/ready/train").mkdir(parents=True)
    write_schema(flights(), folder / "data/ready")
    for number, part in enumerate([flights().iloc[:40], flights().iloc[40:]]):
        write_ready_part(part, part_path(folder / "data/ready/train", number, "csv"))
    (folder / "params.yaml").write_text(params)
    return folder


def test_two_processes_with_other_threads_and_hash_seeds_write_the_same_bytes(tmp_path):
    folders, running = [project(tmp_path / name) for name in ("one", "two")], []
    for threads, folder in enumerate(folders, start=1):
        variables = {"PYTHONHASHSEED": str(threads)}
        variables |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), str(threads))
        running.append(subprocess.Popen([sys.executable, STAGE], cwd=folder, env=os.environ | variables))
    assert [process.wait() for process in running] == [0, 0]
    names = ["metrics/train.json", *(f"models/{name}.skops" for name in ("baseline", "linear", "model"))]
    for folder in folders:
        assert sorted(f"models/{path.name}" for path in (folder / "models").iterdir()) == names[1:]
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert json.loads((folders[0] / names[0]).read_text())["train_rows"] == ROWS


def test_search_looks_at_the_training_part_alone(tmp_path, monkeypatch):
    written = []
    for name in ("without", "unreadable"):
        monkeypatch.chdir(project(tmp_path / name))
        if name == "unreadable":
            Path("data/ready/test").mkdir()
            Path("data/ready/test/part-00000.csv").write_bytes(b"\0")
        train.main()
        written.append([path.read_bytes() for path in sorted(Path().glob("m*/*"))])
    assert len(written[0]) == 4 and written[0] == written[1]


def test_mistake_in_the_options_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(project(tmp_path, PARAMS.replace("max_iter", "max_itr")))
    with pytest.raises(ProjectErrors, match=r"params\.yaml: train\.options\.max_itr: no such option"):
        train.main()
    assert not (tmp_path / "models").exists() and not (tmp_path / "metrics").exists()
