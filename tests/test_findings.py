"""Classic mistakes, each in a small table that holds it, and what is not one."""

import numpy as np
import pandas as pd
import pytest

from pipeline.drift import drift
from pipeline.findings import Part, findings_of_data, findings_of_model
from pipeline.modelling import Prediction

BOTH = np.array([False, True])
RNG = np.random.default_rng(8)
ROWS = 200


def part(target=None, key=None, **columns) -> Part:
    """Rows of an honest table, with columns of the test's own."""
    target = RNG.random(ROWS) < 0.4 if target is None else target
    n = len(target)
    honest = {"x": RNG.normal(size=n), "c": pd.Series(RNG.choice(["a", "b"], n), dtype=object)}
    return Part(pd.DataFrame(honest | columns), target, pd.DataFrame({} if key is None else {"id": key}))


def found(train: Part, test: Part, classes=BOTH) -> dict[str, tuple]:
    """Check -> column and message; one finding each."""
    entries = findings_of_data(train, test, classes, drift(train.matrix, test.matrix), 7)
    assert len({entry["check"] for entry in entries}) == len(entries)
    return {entry["check"]: (entry["column"], entry["message"]) for entry in entries}


def test_honest_data_have_no_findings():
    assert found(part(key=np.arange(ROWS)), part(key=np.arange(ROWS, 2 * ROWS))) == {}


@pytest.mark.parametrize("kind", ["two classes", "three classes", "numbers"])
def test_column_that_is_the_target_in_disguise(kind):
    parts = []
    for _ in range(2):
        number = RNG.normal(size=ROWS)
        target = {"two classes": number > 0.3, "three classes": np.digitize(number, [-0.5, 0.5]), "numbers": number}[
            kind
        ]
        parts.append(part(target, leak=np.where(RNG.random(ROWS) < 0.002, np.nan, number * 7)))
    classes = {"two classes": BOTH, "three classes": np.arange(3), "numbers": None}[kind]
    column, message = found(*parts, classes)["predicts_alone"]
    assert column == "leak" and message.startswith("`leak` alone predicts the target almost perfectly (")


def test_text_that_is_the_target_in_disguise():
    parts = []
    for _ in range(2):
        target = RNG.random(ROWS) < 0.4
        parts.append(part(target, status=pd.Series(np.where(target, "closed", "open"), dtype=object)))
    assert list(found(*parts)) == ["predicts_alone"]


def test_a_good_column_is_no_leak():
    parts = []
    for _ in range(2):
        number = RNG.normal(size=ROWS)
        parts.append(part(number + 0.5 * RNG.normal(size=ROWS) > 0, good=number))
    assert found(*parts) == {}


def test_key_that_stands_on_both_sides():
    train, test = part(key=np.arange(ROWS)), part(key=np.arange(ROWS - 3, 2 * ROWS - 3))
    assert found(train, test) == {"same_key": (None, "3 of 200 rows of the test part have the key of a training row")}


def test_row_that_stands_on_both_sides_under_another_key():
    train, test = part(key=np.arange(ROWS)), part(key=np.arange(ROWS, 2 * ROWS))
    copied = Part(
        pd.concat([test.matrix[:-5], train.matrix[:5]]), np.append(test.target[:-5], train.target[:5]), test.key
    )
    message = "5 of 200 rows of the test part have the inputs and the target of a training row"
    assert found(train, copied) == {"same_row": (None, message)}


def test_equal_rows_of_few_coarse_columns_are_chance():
    coarse = [Part(each.matrix[["c"]], each.target, each.key) for each in (part(), part())]
    assert found(*coarse) == {}


@pytest.mark.parametrize("value", [3.0, np.nan, "same"])
def test_constant_column(value):
    column = pd.Series([value] * ROWS, dtype=object if value == "same" else float)
    message = "`dull` has the same value in all 200 rows of the training part"
    assert found(part(dull=column), part(dull=column)) == {"constant_column": ("dull", message)}


def test_value_and_gap_are_no_constant():
    column = np.where(np.arange(ROWS) % 2, 1.0, np.nan)
    assert found(part(gaps=column), part(gaps=column)) == {}


def test_category_that_training_never_saw():
    words = pd.Series(["a", "b"] * (ROWS // 2), dtype=object)
    test = part(word=words.where(words.index > 2, ["y", "z", "z"] + [None] * (ROWS - 3)))
    message = "2 values of `word`, in 3 of 200 rows of the test part, do not stand in the training part"
    assert found(part(word=words), test) == {"unseen_category": ("word", message)}


def test_messages_show_no_value():
    words = pd.Series(["Ann", "Bo"] * (ROWS // 2), dtype=object)
    entries = findings_of_data(part(word=words), part(word=words.replace("Bo", "Cy")), BOTH, [], 7)
    assert entries and not any(name in str(entries) for name in ("Ann", "Bo", "Cy"))


def test_text_that_names_rows():
    train, test = (
        part(name=pd.Series([f"n{i}" for i in range(start, start + ROWS)], dtype=object)) for start in (0, 500)
    )
    assert found(train, test)["identifier"] == (
        "name",
        "`name` has 200 different texts in 200 rows of the training part",
    )


def test_column_that_stands_twice():
    numbers = [RNG.normal(size=ROWS) for _ in range(2)]
    train, test = (part(a=each, b=each) for each in numbers)
    assert found(train, test) == {"same_column": ("b", "`b` holds what `a` holds, row by row")}


def test_column_that_drifted():
    assert found(part(), part(x=RNG.normal(3, 1, ROWS)))["drifted_column"][0] == "x"


def test_few_rows_of_the_test_part_or_of_a_class():
    few = "the test part has 10 rows: no metric can be sure"
    assert found(part(), part(np.arange(10) < 5))["few_rows"] == (None, few)
    rare = "the test part has 2 rows of the class true: metrics are unsure"
    assert found(part(), part(np.arange(ROWS) < 2))["few_rows"] == (None, rare)


def numbers(value, low, high, baseline, linear, gain_low=0.01, gain_high=0.2) -> dict:
    return {
        "value": value, "low": low, "high": high, "baseline": baseline, "linear": linear,
        "gain_low": gain_low, "gain_high": gain_high,
    }  # fmt: skip


def of_model(metrics, slices=(), folds=(), said=0.3, classes=BOTH) -> dict[str, str]:
    actual = np.arange(100) < 30
    probabilities = np.column_stack([np.full(100, 1 - said), np.full(100, said)])
    prediction = Prediction(actual, probabilities, probabilities[:, 1])
    entries = findings_of_model(metrics, list(slices), list(folds), prediction, actual, classes)
    return {entry["check"]: entry["message"] for entry in entries}


def test_good_model_has_no_findings():
    assert of_model({"roc_auc": numbers(0.7, 0.6, 0.8, 0.5, 0.6)}, folds=[0.75, None, 0.68]) == {}
    assert of_model({"rmse": numbers(3.0, 2.0, 4.0, 5.0, 3.5)}, folds=[2.9, 3.1], classes=None) == {}


def test_model_that_is_not_worth_its_cost():
    assert of_model({"roc_auc": numbers(0.52, 0.49, 0.55, 0.5, 0.53)}) == {
        "no_better_than_baseline": "roc_auc is 0.52, and its interval reaches the 0.5 of a model that looks at no input",
        "no_better_than_linear": "roc_auc is 0.52, and the 0.53 of a simple linear model is as good or better",
    }
    worse = of_model({"rmse": numbers(4.9, 4.8, 5.0, 5.0, 4.8)}, classes=None)
    assert list(worse) == ["no_better_than_baseline", "no_better_than_linear"]


def test_model_whose_gain_over_the_linear_one_may_be_chance():
    message = "roc_auc is 0.7, 0.69 of a simple linear model; by the interval the gain is between -0.01 and 0.03"
    metrics = {"roc_auc": numbers(0.7, 0.6, 0.8, 0.5, 0.69, -0.01, 0.03)}
    assert of_model(metrics) == {"no_better_than_linear": message}
    assert of_model({"roc_auc": numbers(0.7, 0.6, 0.8, 0.5, 0.69, None, None)}) == {}


def test_model_that_promised_more_in_every_fold():
    message = "roc_auc is 0.7 on the test part, and better in every fold of the cross-validation"
    assert of_model({"roc_auc": numbers(0.7, 0.6, 0.8, 0.5, 0.6)}, folds=[0.8, 0.71]) == {"worse_than_folds": message}


def test_probabilities_that_do_not_come_true():
    message = "the mean probability of true is 0.400, and 0.300 came true"
    assert of_model({"roc_auc": numbers(0.7, 0.6, 0.8, 0.5, 0.6)}, said=0.4) == {"miscalibrated": message}


def test_group_for_which_the_model_is_surely_weaker():
    def group(value, rows, high) -> dict:
        return {
            "column": "c",
            "value": value,
            "rows": rows,
            "metrics": {"roc_auc": {"value": 0.6, "low": 0.5, "high": high}},
        }

    slices = [group("weak", 30, 0.69), group("unsure", 30, 0.71), group("few", 29, 0.6), group("none", 50, None)]
    assert of_model({"roc_auc": numbers(0.7, 0.6, 0.8, 0.5, 0.6)}, slices) == {
        "weak_slice": "roc_auc is 0.6 for `c` weak, and 0.7 for all"
    }


def test_metric_without_a_value_is_no_finding():
    assert of_model({"roc_auc": numbers(None, None, None, None, None)}) == {}
