"""What the service says of rows: what the pipeline's model says of them, and what moved it."""

import pandas as pd
import pytest

from pipeline import modelling
from pipeline.matrix import to_matrix
from pipeline.service.answers import encode, prediction_list
from pipeline.service.prediction import explain, predict
from pipeline.service.reading import CSV, Body
from pipeline.service.refusals import RefusedError
from service_bundle import COLUMNS, PARAMS, make_bundle, opened, ready

REGRESSOR = {
    "model": "sklearn.ensemble.HistGradientBoostingRegressor",
    "options": {"max_iter": 5, "min_samples_leaf": 2},
}
LOGISTIC = {"model": "sklearn.linear_model.LogisticRegression"}
THREE = pd.Series([["quiet", "some", "many"][hour % 3] for hour in ready()["hour"]], dtype="str")
NUMBERS = ready()["hour"].astype("float64") * 1.5


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    return opened(make_bundle(tmp_path_factory.mktemp("prediction") / "bundle", threshold=0.3))


def told(bundle, table=None):
    table = ready()[COLUMNS] if table is None else table
    return prediction_list(bundle, predict(bundle, table))


@pytest.mark.parametrize("target", [None, THREE])
def test_probabilities_are_those_of_the_model_on_the_published_rows(tmp_path, target):
    bundle = opened(make_bundle(tmp_path / "bundle", target))
    matrix = to_matrix(ready()[PARAMS["serve"]["inputs"]])
    expected = modelling.predict(bundle.model, matrix, "").probabilities
    assert [list(row["probabilities"].values()) for row in told(bundle)] == expected.tolist()


def test_the_threshold_decides_not_one_half(binary):
    rows = told(binary)
    assert [row["predicted"] for row in rows] == [row["probabilities"]["true"] >= 0.3 for row in rows]
    assert any(row["predicted"] and row["probabilities"]["true"] < 0.5 for row in rows)


def test_of_several_classes_the_most_likely_is_predicted(tmp_path):
    for row in told(opened(make_bundle(tmp_path / "bundle", THREE))):
        assert row["probabilities"].keys() == {"many", "quiet", "some"}
        assert row["predicted"] == max(row["probabilities"], key=row["probabilities"].get)


def test_a_regressor_predicts_numbers(tmp_path):
    bundle = opened(make_bundle(tmp_path / "bundle", NUMBERS, REGRESSOR))
    expected = bundle.model.predict(to_matrix(ready()[PARAMS["serve"]["inputs"]]))
    assert [row["predicted"] for row in told(bundle)] == expected.tolist()
    assert told(bundle)[0]["probabilities"] is None


def test_a_classifier_without_probabilities_decides_and_explains_nothing(tmp_path):
    svc = {"model": "sklearn.svm.LinearSVC", "impute": "median"}
    bundle = opened(make_bundle(tmp_path / "bundle", train=svc))
    predicted, changes = explain(bundle, ready()[COLUMNS][:1])
    assert isinstance(predicted.values[0], bool)
    assert predicted.probabilities is None
    assert changes is None


def test_one_row_gets_what_it_gets_among_others(binary):
    rows = told(binary)
    assert [told(binary, ready()[COLUMNS][number : number + 1])[0] for number in range(len(rows))] == rows


def test_a_derived_value_out_of_its_range_is_told_with_what_it_derives_from(binary):
    table = ready()[COLUMNS][:2].assign(clock=pd.array([900, 2330], "Int64"))
    with pytest.raises(RefusedError) as caught:
        predict(binary, table)
    assert caught.value.errors == [
        {
            "row": 2,
            "field": "hour",
            "problem": "`23` is over the maximum 22 (it derives from clock)",
            "remedy": "Allowed: 6 to 22 h",
        }
    ]


def test_a_derived_value_that_is_missing_is_told_where_the_model_takes_no_gap(tmp_path):
    bundle = opened(make_bundle(tmp_path / "bundle", train=LOGISTIC, inputs=["hour", "shop", "sale"]))
    table = ready()[["clock", "shop", "sale"]][:2].assign(clock=pd.array([900, 999], "Int64"))
    with pytest.raises(RefusedError) as caught:
        predict(bundle, table)
    assert [(error["row"], error["field"]) for error in caught.value.errors] == [(2, "hour")]


def test_what_training_has_not_seen_is_noted_and_predicted_all_the_same(binary):
    table = ready()[COLUMNS][:2].assign(street=pd.array(["Elm", "Zed"], "str"), shops_area=[900.0, 200.0])
    assert [row["notes"] for row in told(binary, table)] == [
        ["shops_area: 900.0 is beyond what training has seen, 100.0 to 300.0"],
        ["street: `Zed` was never seen in training"],
    ]


def test_what_moved_a_prediction_is_its_change_against_the_typical_value(binary):
    row = ready()[COLUMNS][:1]
    _, changes = explain(binary, row)
    assert {change["field"] for change in changes} == set(COLUMNS)
    sizes = [abs(change["change"]) for change in changes]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0
    first = changes[0]
    typical = row.assign(**{first["field"]: pd.array([first["typical"]], row[first["field"]].dtype)})
    before, after = (told(binary, table)[0]["probabilities"]["true"] for table in (row, typical))
    assert first["change"] == before - after


def test_a_typical_row_is_moved_by_nothing(binary):
    typical = {each.name: each.typical for each in binary.inputs}
    row = pd.DataFrame({name: pd.array([value], ready()[name].dtype) for name, value in typical.items()})
    assert {change["change"] for change in explain(binary, row)[1]} == {0.0}


def test_what_moved_a_number_and_one_of_several_classes_is_told_too(tmp_path):
    for name, target, train in (("a", THREE, {}), ("b", NUMBERS, {"train": REGRESSOR})):
        predicted, changes = explain(opened(make_bundle(tmp_path / name, target, **train)), ready()[COLUMNS][:1])
        assert changes[0]["change"] != 0
        assert predicted.values[0] is not None


def test_a_file_with_a_column_that_the_answer_adds_is_refused(binary):
    body = Body(ready()[COLUMNS][:1], [["predicted"], ["x"]])
    with pytest.raises(RefusedError, match="columns that the answer adds"):
        encode(body, predict(binary, body.table), binary, CSV)
