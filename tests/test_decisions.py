"""The threshold between two classes, and deciding by it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from pipeline.decisions import choose_threshold, decide
from pipeline.modelling import Prediction


def test_threshold_lies_halfway_between_the_rows_that_it_parts():
    positive, probability = np.array([False, True, False, True, True]), np.array([0.1, 0.4, 0.2, 0.35, 0.9])
    assert choose_threshold(positive, probability) == 0.275


def test_threshold_below_all_rows_is_half_the_lowest():
    assert choose_threshold(np.array([True, True]), np.array([0.2, 0.8])) == 0.1


def test_rounding_a_probability_of_two_thirds_does_not_lose_its_rows():
    positive, probability = np.array([False, True, True]), np.array([1 / 3, 2 / 3, 2 / 3])
    assert (probability >= choose_threshold(positive, probability)).tolist() == [False, True, True]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20).map(lambda n: n / 20)), min_size=1).filter(
        lambda rows: any(positive for positive, _ in rows)
    )
)
def test_no_other_threshold_has_a_better_f1(rows):
    positive, probability = (np.array(column) for column in zip(*rows, strict=True))
    found = f1_score(positive, probability >= choose_threshold(positive, probability))
    assert found == pytest.approx(max(f1_score(positive, probability >= limit) for limit in probability))


PROBABILITIES = np.array([[0.8, 0.2], [0.7, 0.3]])
BINARY = Prediction(np.array(["no", "no"]), PROBABILITIES, PROBABILITIES[:, 1])


def test_second_class_is_decided_for_at_the_threshold_and_above():
    assert decide(BINARY, np.array(["no", "yes"]), 0.3).values.tolist() == ["no", "yes"]
    assert decide(BINARY, np.array(["no", "yes"]), None).values.tolist() == ["no", "no"]


def test_more_classes_numbers_and_models_without_probabilities_decide_by_themselves():
    classes = np.array(["a", "b", "c"])
    for prediction, known in ((Prediction(classes, np.eye(3)), classes), (Prediction(np.ones(2)), None)):
        assert decide(prediction, known, 0.3) is prediction
    ranked = Prediction(np.array([True]), None, np.array([2.0]))
    assert decide(ranked, np.array([False, True]), 0.3) is ranked
