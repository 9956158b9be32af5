"""Training and test part: by time, group or key, and balanced classes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Serve, Split
from pipeline.splitting import TEST, is_test, ready_columns, training_copies, uniform

BY_TIME = Split(by="time", column="day", test_share=0.4)


def times(*days):
    return pd.DataFrame({"day": pd.to_datetime([f"2013-01-{day:02}" for day in days])})


def test_a_time_split_takes_the_latest_rows_wherever_they_stand():
    assert is_test(times(5, 1, 4, 2, 3), BY_TIME, 0).tolist() == [True, False, True, False, False]


def test_a_time_split_keeps_rows_of_one_moment_together():
    assert is_test(times(1, 2, 2, 2, 3), BY_TIME, 0).tolist() == [False, True, True, True, True]


def test_a_time_split_goes_by_numbers_too():
    rows = pd.DataFrame({"year": pd.array([2001, 2002, 2003], "Int64")})
    assert is_test(rows, Split(by="time", column="year", test_share=0.3), 0).tolist() == [False, False, True]


def test_a_time_split_of_text_is_refused():
    with pytest.raises(ProjectError, match="`day` is str, expected times or numbers"):
        is_test(pd.DataFrame({"day": ["a", "b"]}), BY_TIME, 0)


def test_rows_that_cannot_be_split_are_named():
    with pytest.raises(ProjectError, match="1 rows have no day"):
        is_test(pd.DataFrame({"day": pd.to_datetime(["2013-01-01", None])}), BY_TIME, 0)


def test_an_empty_part_is_refused():
    with pytest.raises(ProjectError, match="the training part of 2 rows would be empty"):
        is_test(times(1, 1), BY_TIME, 0)


def test_groups_stay_whole():
    rows = pd.DataFrame({"colony": ["a", "b", "c", "d", "e", "f", "g", "h"] * 3})
    side = pd.Series(is_test(rows, Split(by="group", column="colony", test_share=0.5), 1)).groupby(rows["colony"])
    assert side.nunique().eq(1).all()


def test_a_key_split_has_about_the_share_asked_for():
    rows = pd.DataFrame({"id": range(20_000)})
    assert is_test(rows, Split(by="key", test_share=0.25), 7).mean() == pytest.approx(0.25, abs=0.01)


@given(st.lists(st.text(), unique=True, min_size=4, max_size=30), st.integers(0, 2**32 - 1))
def test_a_row_keeps_its_draw_as_data_grow(keys, seed):
    rows = pd.DataFrame({"key": pd.Series(keys, dtype="str")})
    assert uniform(rows, seed)[:3].tolist() == uniform(rows[:3], seed).tolist()


def test_another_seed_draws_anew():
    rows = pd.DataFrame({"id": range(5)})
    assert uniform(rows, 1).tolist() != uniform(rows, 2).tolist()


TARGET = pd.Series(["late", "on time", "on time", "on time", "late", "on time"], dtype="str")
TEST_ROWS = np.array([False, False, False, False, False, True])
DRAW = np.array([0.5, 0.9, 0.1, 0.4, 0.2, 0.0])


def test_without_balance_each_training_row_stands_once():
    assert training_copies(TARGET, TEST_ROWS, DRAW, "none").tolist() == [1, 1, 1, 1, 1, TEST]


def test_subsampling_keeps_the_rows_with_the_smallest_draws():
    assert training_copies(TARGET, TEST_ROWS, DRAW, "subsample").tolist() == [1, 0, 1, 1, 1, TEST]


def test_supersampling_repeats_the_rows_with_the_smallest_draws():
    assert training_copies(TARGET, TEST_ROWS, DRAW, "supersample").tolist() == [1, 1, 1, 1, 2, TEST]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 1)), min_size=1, max_size=40),
    st.sampled_from(["subsample", "supersample"]),
)
def test_balance_touches_the_training_part_only_and_makes_its_classes_equal(rows, balance):
    target = pd.Series([label for label, _, _ in rows], dtype="str")
    test = np.array([side for _, side, _ in rows])
    copies = training_copies(target, test, np.array([draw for _, _, draw in rows]), balance)
    assert (copies == TEST).tolist() == test.tolist()
    sizes = pd.Series(np.maximum(copies, 0)).groupby(target).sum()
    assert sizes[sorted(set(target[~test]))].nunique() <= 1


def test_balancing_a_number_is_refused():
    with pytest.raises(ProjectError, match="`subsample` is for classes, but the target is a number"):
        training_copies(pd.Series([0.5]), np.array([False]), DRAW, "subsample")


def test_the_ready_table_has_key_split_inputs_slices_and_target_once_each():
    settings = Serve(target="late", inputs=["hour", "id"], split=Split(by="time", column="day", test_share=0.5))
    available = ["id", "hour", "day", "late", "sex", "other"]
    assert ready_columns(settings, ["sex", "hour"], ["id"], available) == ["id", "day", "hour", "sex", "late"]


def test_the_ready_table_has_what_its_inputs_derive_from():
    settings = Serve(target="late", inputs=["hour"], split=Split(by="key", test_share=0.5))
    available = ["id", "clock", "late", "hour"]
    assert ready_columns(settings, [], ["id"], available, ["clock", "hour"]) == ["id", "hour", "clock", "late"]


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    settings = Serve(target="lte", inputs=["huor"], split=Split(by="key", test_share=0.5))
    with pytest.raises(ProjectErrors) as caught:
        ready_columns(settings, ["sex"], ["id"], ["id", "hour", "late"])
    assert [str(error) for error in caught.value.errors] == [
        "params.yaml: serve.inputs: no column `huor` in data/features\n  Did you mean `hour`?  (columns: id, hour, late)",
        "params.yaml: serve.target: no column `lte` in data/features\n  Did you mean `late`?  (columns: id, hour, late)",
        "params.yaml: evaluate.slices: no column `sex` in data/features\n  (columns: id, hour, late)",
    ]


def test_a_split_by_row_needs_no_key_and_keeps_each_row_on_its_side_as_rows_are_appended():
    split = Split(by="row", test_share=0.25)
    few, more = (is_test(pd.RangeIndex(n).to_frame(), split, 7) for n in (1000, 5000))
    assert (more[:1000] == few).all() and 0.2 < few.mean() < 0.3
