"""The model's file: the same bytes for the same model, the same predictions after reading, nothing foreign in it."""

import pickle
import re
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from pipeline import modelling
from pipeline.errors import ProjectError
from pipeline.matrix import to_matrix
from pipeline.modelfile import load_model, save_model
from pipeline.params import Train

ROWS = 60
NUMBERS = np.linspace(-1, 1, ROWS)
TABLE = pd.DataFrame(
    {
        "x": NUMBERS,
        "y": np.where(np.arange(ROWS) % 7 == 0, np.nan, np.cos(9 * NUMBERS)),
        "c": pd.array([None if i % 11 == 0 else "abc"[i % 3] for i in range(ROWS)], dtype="str"),
    }
)
MATRIX = to_matrix(TABLE)
CLASSES = np.sin(5 * NUMBERS) > 0


def fitted(model: str, **settings) -> Pipeline:
    train = Train(model=f"sklearn.{model}", **settings)
    pipeline = modelling.build(train, MATRIX, 3)
    return modelling.fit(pipeline, MATRIX, CLASSES if modelling.is_classifier(pipeline) else np.sin(5 * NUMBERS))


@pytest.mark.parametrize("settings", [{"encode": "ordinal"}, {"encode": "one_hot", "scale": True, "pca": 3}])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("ensemble.HistGradientBoostingClassifier", {"max_iter": 5, "min_samples_leaf": 3}),
        ("ensemble.HistGradientBoostingRegressor", {"max_iter": 5, "min_samples_leaf": 3}),
        ("ensemble.RandomForestClassifier", {"n_estimators": 5}),
        ("ensemble.GradientBoostingClassifier", {"n_estimators": 5}),
        ("tree.DecisionTreeRegressor", {}),
        ("linear_model.LogisticRegression", {}),
        ("linear_model.Ridge", {}),
        ("neighbors.KNeighborsClassifier", {}),
        ("svm.SVC", {}),
        ("neural_network.MLPClassifier", {"max_iter": 20, "hidden_layer_sizes": [4, 3]}),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_model_read_predicts_the_same_and_two_fits_give_the_same_bytes(model, options, settings, tmp_path):
    paths = tmp_path / "one.skops", tmp_path / "two.skops"
    models = [fitted(model, options=options, impute="mean", **settings) for _ in paths]
    for each, path in zip(models, paths, strict=True):
        save_model(each, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    before, after = (modelling.predict(each, MATRIX, "test") for each in (models[0], load_model(paths[0])))
    assert np.array_equal(before.values, after.values)
    assert before.scores is None or np.array_equal(before.scores, after.scores)


def test_archive_says_nothing_of_the_run(tmp_path):
    save_model(fitted("neighbors.KNeighborsClassifier", impute="mean"), tmp_path / "m.skops")
    with ZipFile(tmp_path / "m.skops") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = archive.namelist()
        assert names == ["schema.json", *(f"{i}.npy" for i in range(len(names) - 1))]
        marked = [int(number) for number in re.findall(rb'"__id__":(\d+)', archive.read("schema.json"))]
        assert marked and max(marked) < len(marked)  # not memory addresses


def test_skops_reads_the_file_as_its_own(tmp_path):
    save_model(fitted("linear_model.Ridge", impute="mean"), tmp_path / "m.skops")
    assert isinstance(skops.io.load(tmp_path / "m.skops", trusted=["numpy.dtype"]), Pipeline)


def rewrite(path, old: bytes, new: bytes):
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert old in members["schema.json"]
    members["schema.json"] = members["schema.json"].replace(old, new)
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_file_with_a_foreign_type_is_refused_before_it_is_built(tmp_path):
    path = tmp_path / "model.skops"
    save_model(fitted("linear_model.Ridge", impute="mean"), path)
    rewrite(path, b'"SimpleImputer"', b'"Popen"')
    rewrite(path, b'"sklearn.impute._base"', b'"subprocess"')
    with pytest.raises(ProjectError, match=r"Untrusted types found in the file: .*subprocess\.Popen") as error:
        load_model(path)
    assert error.value.where == str(path)


def test_function_that_is_not_of_a_model_is_refused(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(skops.io.dumps(Pipeline([("step", FunctionTransformer(eval))])))
    with pytest.raises(ProjectError, match="Untrusted types found"):
        load_model(path)


def test_pickle_with_another_name_is_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "exploded"), "w")

    (tmp_path / "model.skops").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ProjectError, match="not a skops file"):
        load_model(tmp_path / "model.skops")
    assert not (tmp_path / "exploded").exists()


def test_broken_and_absent_files_are_refused_in_words(tmp_path):
    path = tmp_path / "model.skops"
    with pytest.raises(ProjectError, match="no such file"):
        load_model(path)
    save_model(fitted("linear_model.Ridge", impute="mean"), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ProjectError, match="not a skops file"):
        load_model(path)
    path.write_bytes(whole)
    rewrite(path, b'"file":"0.npy"', b'"file":"no.npy"')
    with pytest.raises(ProjectError, match="not a readable model: KeyError"):
        load_model(path)
    path.write_bytes(skops.io.dumps({"a": 1}))
    with pytest.raises(ProjectError, match="holds dict, expected a scikit-learn Pipeline"):
        load_model(path)


def test_model_that_could_not_be_read_again_is_not_written(tmp_path):
    model = Pipeline([("model", TransformedTargetRegressor(func=np.log1p, inverse_func=np.expm1))])
    model.steps.insert(0, ("step", FunctionTransformer(rewrite)))
    with pytest.raises(ProjectError, match=r"TransformedTargetRegressor cannot be stored safely: it holds .*rewrite"):
        save_model(model, tmp_path / "model.skops")
    assert not list(tmp_path.iterdir())
