"""The model as ONNX and pickle: it says what the bundle says, or it is not there and the reason is."""

import builtins
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import needs
from pipeline import modelling
from pipeline.bundle import models
from pipeline.errors import ProjectError
from pipeline.matrix import to_matrix
from pipeline.params import Train

ROWS = 60
NUMBERS = np.linspace(-1, 1, ROWS)
MATRIX = to_matrix(
    pd.DataFrame(
        {
            "x": NUMBERS,
            "y": np.cos(9 * NUMBERS),
            "c": pd.array(["abc"[i % 3] for i in range(ROWS)], dtype="str"),
        }
    )
)
TARGETS = {
    "binary": np.sin(5 * NUMBERS) > 0,
    "multiclass": np.array(["low", "middle", "high"])[np.arange(ROWS) % 3],
    "regression": 100 * np.sin(5 * NUMBERS),
}


def fitted(model: str, task: str, **settings):
    train = Train(model=f"sklearn.{model}", **settings)
    return modelling.fit(modelling.build(train, MATRIX, 3), MATRIX, TARGETS[task])


def stated(model) -> pd.DataFrame:
    """What data/predictions says."""
    table = pd.DataFrame({"predicted": model.predict(MATRIX)})
    if hasattr(model, "predict_proba"):
        for index, label in enumerate(model.classes_):
            table[f"probability_{str(label).lower()}"] = model.predict_proba(MATRIX)[:, index]
    return table


CASES = [
    ("linear_model.LogisticRegression", "binary", {"encode": "ordinal", "scale": True}),
    ("tree.DecisionTreeClassifier", "multiclass", {"encode": "ordinal"}),
    ("ensemble.RandomForestClassifier", "binary", {"encode": "ordinal", "options": {"n_estimators": 5}}),
    ("linear_model.Ridge", "regression", {"encode": "ordinal", "scale": True}),
    ("ensemble.RandomForestRegressor", "regression", {"encode": "ordinal", "options": {"n_estimators": 5}}),
]


@pytest.mark.parametrize(("name", "task", "settings"), CASES)
def test_an_onnx_file_gives_the_predictions_that_are_stated(tmp_path, name, task, settings):
    needs.module("skl2onnx")
    needs.module("onnxruntime")
    import onnxruntime

    model, path = fitted(name, task, **settings), tmp_path / "model.onnx"
    note = models.write_onnx(model, MATRIX, stated(model), path)
    assert note == "Its predictions on the 60 rows of the test part agree with those stated within 1e-05."
    session = onnxruntime.InferenceSession(path.read_bytes())
    outputs = session.run(None, models.onnx_inputs(session, MATRIX))
    if task == "regression":
        assert np.ravel(outputs[0]) == pytest.approx(model.predict(MATRIX), abs=1e-3)
    else:
        assert np.ravel(outputs[0]).tolist() == model.predict(MATRIX).tolist()


def test_an_onnx_file_has_the_same_bytes_each_time(tmp_path):
    needs.module("skl2onnx")
    name, task, settings = CASES[0]
    for number in (1, 2):
        model = fitted(name, task, **settings)
        models.write_onnx(model, MATRIX, stated(model), tmp_path / str(number))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_model_that_has_no_onnx_form_is_left_out_with_the_reason(tmp_path):
    needs.module("skl2onnx")
    model = fitted("ensemble.HistGradientBoostingClassifier", "binary", options={"max_iter": 3, "min_samples_leaf": 2})
    note = models.write_onnx(model, MATRIX, stated(model), tmp_path / "model.onnx")
    assert note.startswith("Not written as ONNX: ")
    assert len(note) > len("Not written as ONNX: .")
    assert list(tmp_path.iterdir()) == []


def test_an_onnx_file_that_says_something_else_is_left_out_with_the_difference(tmp_path):
    needs.module("skl2onnx")
    model = fitted(*CASES[0][:2], **CASES[0][2])
    other = stated(model)
    other.loc[3, ["probability_false", "probability_true"]] += [0.01, -0.01]
    note = models.write_onnx(model, MATRIX, other, tmp_path / "model.onnx")
    assert note == (
        "Not written as ONNX: its predictions differ by up to 0.01 on the test part, more than the tolerance of 1e-05."
    )
    assert list(tmp_path.iterdir()) == []


def test_without_its_packages_onnx_is_an_error_that_says_what_to_install(tmp_path, monkeypatch):
    there = builtins.__import__

    def without(name, *arguments, **more):
        if name == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'", name=name)
        return there(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ProjectError) as caught:
        models.write_onnx(None, MATRIX, pd.DataFrame(), tmp_path / "model.onnx")
    assert str(caught.value).splitlines() == [
        "params.yaml: publish.model_formats: onnx needs `onnxruntime`, which is not installed",
        "  Install requirements-extras.txt, or take onnx out of publish.model_formats.",
    ]


def test_a_pickle_is_the_model_with_a_warning_and_the_same_bytes_in_every_process(tmp_path):
    model = fitted(*CASES[2][:2], **CASES[2][2])
    note = models.write_pickle(model, tmp_path / "model.pkl")
    assert note.startswith("Loading a pickle runs whatever code is in it")
    again = pickle.loads((tmp_path / "model.pkl").read_bytes())
    assert again.predict_proba(MATRIX).tolist() == model.predict_proba(MATRIX).tolist()


@pytest.mark.long
def test_a_model_read_from_skops_has_the_same_pickle_in_every_process(tmp_path):
    from pipeline.modelfile import save_model

    save_model(fitted(*CASES[2][:2], **CASES[2][2]), tmp_path / "model.skops")
    code = (
        "import sys; from pathlib import Path; from pipeline.modelfile import load_model; from pipeline.bundle import models;"
        "models.write_pickle(load_model(Path('model.skops')), Path(sys.argv[1]))"
    )
    source = str(Path(models.__file__).parents[2])
    for seed in ("1", "2"):
        environment = {"PYTHONPATH": source, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([sys.executable, "-c", code, seed], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
