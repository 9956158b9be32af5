"""What a draft predicts, from which inputs, and how it splits: always so that a first run ends well."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import features as feature_functions
import rules as rule_functions
from pipeline.contract import Field, Resource, Schema
from pipeline.derive import functions_of
from pipeline.drafting.plan import find_target, make_plan
from pipeline.drafting.sniffing import Sniffed
from pipeline.drafting.tables import guess_table
from pipeline.errors import ProjectError

RNG = np.random.default_rng(7)
N = 60
X = RNG.normal(size=N).round(3)


def table(columns, name="t"):
    cells = pa.table(
        {key: pa.array([None if v is None else str(v) for v in values]) for key, values in columns.items()}
    )
    resource = Resource(name=name, path="x.csv", schema=Schema(fields=[Field(name=key) for key in columns]))
    return guess_table(Sniffed(resource, cells), vars(rule_functions))


def plan(columns, target="y", *others):
    return make_plan([table(columns), *others], target, functions_of(feature_functions))


@pytest.mark.parametrize(
    ("values", "classes", "why"),
    [
        (["yes", "no"] * 30, {False: 30, True: 30}, "2 classes"),
        (["a", "b", "c"] * 20, {"a": 20, "b": 20, "c": 20}, "3 classes"),
        ([0, 1] * 30, {0: 30, 1: 30}, "2 classes"),
        (
            [3, 4, 5] * 20,
            {3: 20, 4: 20, 5: 20},
            "3 different whole numbers are taken for classes; where they measure, take a Regressor",
        ),
        (range(60), {}, "a number"),
        (X, {}, "a number"),
    ],
)
def test_a_target_is_classes_or_a_number(values, classes, why):
    found = find_target(table({"y": values, "x": X}), "y")
    assert (found.name, found.classes, found.why) == ("y", classes, why)


def test_two_different_decimal_numbers_become_a_boolean_feature():
    found = plan({"my y": [0.0, 1.0] * 30, "x": X}, "my y")
    assert (found.target.name, found.target.expression) == ("my_y_is_1", "`my y` == 1")
    assert found.features == {"my_y_is_1": "`my y` == 1"} and found.inputs == ["x"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["k"] * N, "is `k` in all 60 rows"),
        ([None] * N, "is empty in all 60 rows"),
        (pd.date_range("2013-01-01", periods=N).strftime("%Y-%m-%d"), "is a time"),
        ([f"text {n}" for n in range(N)], "holds 60 different texts in 60 rows: neither classes nor a number"),
    ],
)
def test_what_cannot_be_predicted_is_said(values, problem):
    with pytest.raises(ProjectError, match=f"--target y: {problem}"):
        plan({"y": values, "x": X})


def test_a_target_that_is_no_column_gets_the_nearest():
    with pytest.raises(ProjectError, match="Did you mean `Species`"):
        plan({"Species": ["a", "b"] * 30, "x": X}, "species")


def test_inputs_are_what_a_model_can_use_and_the_rest_has_a_reason():
    found = plan(
        {
            "id": [f"u{n}" for n in range(N)],
            "x": X,
            "kind": ["a", "b"] * 30,
            "when": pd.date_range("2013-01-01", periods=N, freq="37h").strftime("%Y-%m-%d %H:%M"),
            "month": ["2013-01-01", "2013-02-01"] * 30,
            "same": ["k"] * N,
            "empty": [None] * N,
            "free": [f"some text {n}" for n in range(N)],
            "E-Mail": ["a@b.c", "d@e.f"] * 30,
            "shop no": [11, 12, 13, 14, 15] * 12,
            "answer": ["JA" if n % 3 else "NEIN" for n in range(N)],
            "y": ["won" if n % 3 else "lost" for n in range(N)],
        }
    )
    assert found.inputs == ["x", "kind", "when_month", "when_weekday", "when_hour", "month_month"]
    assert found.features["when_hour"] == {"function": "date_part", "column": "when", "part": "hour"}
    assert found.left_out == {
        "id": "the key",
        "same": "the same in all rows",
        "empty": "empty",
        "free": "text, 60 different",
        "E-Mail": "personal",
        "shop no": "names, and does not measure",
        "answer": "says `y` exactly: known only afterwards?",
    }


def test_a_number_that_is_the_target_in_another_unit_is_left_out():
    assert plan({"y": X, "y_in_mm": 1000 * X, "x": X[::-1]}).left_out == {
        "y_in_mm": "says `y` exactly: known only afterwards?"
    }


def test_features_get_names_that_are_free():
    when = pd.date_range("2013-01-01", periods=N, freq="7D").strftime("%Y-%m-%d")
    found = plan({"day": when, "day_month": X, "Day": when[::-1], "y": X[::-1]})
    assert list(found.features) == ["day_month_2", "day_month_3"]


def test_nothing_to_predict_from_is_said_with_the_reasons():
    with pytest.raises(ProjectError, match="no column of `t` is left to predict it from\n  id: the key; c: the same"):
        plan({"id": [f"u{n}" for n in range(N)], "c": ["k"] * N, "y": X})


@pytest.mark.parametrize(
    ("columns", "split"),
    [
        ({"day": pd.date_range("2013-01-01", periods=N).strftime("%Y-%m-%d")}, {"by": "time", "column": "day"}),
        ({"year": [*range(1990, 2005)] * 4}, {"by": "time", "column": "year"}),
        ({"patient": [f"p{n}" for n in range(12)] * 5}, {"by": "group", "column": "patient"}),
        ({"id": range(N)}, {"by": "key"}),
        ({"kind": ["a", "b"] * 30}, {"by": "row"}),
        ({"year": [3, 4, 5, 6, 7, 8, 9, 10, 11, 12] * 6}, {"by": "row"}),
        ({"date of birth": pd.date_range("1950-01-01", periods=N).strftime("%Y-%m-%d")}, {"by": "key"}),
    ],
)
def test_the_split_is_by_time_else_by_person_else_by_key_else_by_row(columns, split):
    found = plan({**columns, "x": X, "y": ["a", "b", "b"] * 20})
    assert found.trial.split == {**split, "test_share": 0.25}
    assert found.trial.train_rows + found.trial.test_rows == N


def test_a_time_split_that_would_hide_a_class_gives_way_and_says_why():
    day = pd.date_range("2013-01-01", periods=N).strftime("%Y-%m-%d")
    found = plan({"day": day, "x": X, "y": ["early"] * 45 + ["late"] * 15})
    assert found.trial.split["by"] == "key"
    assert "no split by time `day`: the part to learn from holds only early" in found.look


def test_a_rare_class_stands_on_both_sides_by_the_choice_of_the_seed():
    found = plan({"x": X[:40], "g": list("ab") * 20, "y": ["rare"] * 2 + ["usual"] * 38})
    assert found.trial.seed > 1
    assert found.trial.why_seed == "the first by which both parts hold every class they can"


def test_a_class_of_one_row_is_no_obstacle():
    assert plan({"x": X[:40], "y": ["one"] + ["a", "b", "c"] * 13}).trial.test_rows >= 2


def test_too_few_rows_are_said_with_every_way_that_failed():
    with pytest.raises(ProjectError, match="2 rows with a target can't be split") as caught:
        plan({"x": [1.5, 2.5], "y": ["a", "b"]})
    assert "no split by row" in caught.value.remedy


def test_inputs_that_a_fold_would_not_see_are_left_out():
    day = pd.date_range("2013-01-01", periods=N).strftime("%Y-%m-%d")
    found = plan({"day": day, "x": X, "new": [*[None] * 20, *X[20:]], "rare": [*[None] * 58, 1, 2], "y": X[::-1]})
    assert found.left_out == {"rare": "97 % missing", "new": "missing in all rows that a fold learns from"}
    assert "new" not in found.inputs


def test_features_that_a_fold_would_not_see_are_left_out_too():
    day = pd.date_range("2013-01-01", periods=N).strftime("%Y-%m-%d")
    found = plan({"day": day, "x": X, "checked": [*[None] * 20, *day[20:]], "y": X[::-1]})
    assert found.left_out == dict.fromkeys(
        ["checked_month", "checked_weekday"], "missing in all rows that a fold learns from"
    )
    assert list(found.features) == ["day_month", "day_weekday"]


def test_few_different_rows_get_fewer_folds():
    assert plan({"x": [1, 2, 1, 2] * 10, "y": ["n", "m", "m", "n"] * 10}).trial.folds == 4


def test_rows_without_target_are_dropped_by_a_rule():
    (rule,) = plan({"x": X, "y": [None, *["a", "b"] * 29, "a"]}).rules["t"]
    assert (rule.name, rule.options) == ("known_target", {"rule": "drop_missing", "column": "y"})
    assert rule.comment == "1 row; nothing is learned from a row without it"


def test_small_data_get_a_forest_and_large_ones_boosted_trees():
    assert plan({"x": X, "y": ["a", "b"] * 30}).model()[0] == "sklearn.ensemble.RandomForestClassifier"
    x, y = RNG.normal(size=2000), [["a", "b"][n % 2] for n in range(1998)] + ["c"] * 2
    assert plan({"x": x, "y": y}).model() == (
        "sklearn.ensemble.HistGradientBoostingClassifier",
        {"max_iter": 150, "learning_rate": 0.06, "early_stopping": False},
    )
    assert plan({"x": x, "y": x[::-1]}).model()[0] == "sklearn.ensemble.HistGradientBoostingRegressor"


def test_tables_join_where_a_column_points_to_them():
    orders = {"order": range(N), "customer": [n % 20 for n in range(N)], "y": ["a", "b", "b"] * 20}
    customers = {
        "customer": range(20),
        "since": pd.date_range("2001-01-01", periods=20, freq="MS").strftime("%Y-%m-%d"),
    }
    found = plan(orders, "y", table(customers | {"Size (m)": X[:20]}, "customers"))
    assert found.joins == ["customers"]
    assert found.inputs == ["customers_since_month", "customers_Size (m)"]
    assert found.references[0].fields == ["customer"]


def test_tables_that_cannot_join_are_pointed_at():
    customers = {"customer": range(20), "x": X[:20], "y": ["a", "b"] * 10}
    orders = table({"order": range(N), "customer": [n % 20 for n in range(N)], "z": X}, "orders")
    found = plan(customers, "y", orders)
    assert found.joins == []
    expected = "no column of `t` points to one row of `orders` (`customer`, which both have, repeats there)"
    assert found.look == [f"{expected}: cleaned, but not joined"]


def test_two_columns_of_one_name_after_joining_are_refused():
    with pytest.raises(ProjectError, match="two columns would be named `o_x`"):
        plan({"k": ["a", "b", "c"] * 20, "o_x": X, "y": X[::-1]}, "y", table({"k": list("abc"), "x": [1, 2, 2]}, "o"))
