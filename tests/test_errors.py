"""Errors say where, what and what to do, and find the name that was meant."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ProjectError, ProjectErrors, nearest


def test_the_remedy_stands_on_a_second_line():
    assert str(ProjectError("params.yaml: seed", "found 'x'", "Write a number.")) == (
        "params.yaml: seed: found 'x'\n  Write a number."
    )


def test_without_a_remedy_it_is_one_line():
    assert str(ProjectError("params.yaml: seed", "found 'x'")) == "params.yaml: seed: found 'x'"


def test_several_mistakes_are_told_one_below_the_other():
    mistakes = ProjectErrors(iter([ProjectError("a", "b"), ProjectError("c", "d", "e")]))
    assert str(mistakes) == "a: b\nc: d\n  e"
    assert [mistake.where for mistake in mistakes.errors] == ["a", "c"]


def test_an_error_survives_the_way_between_processes():
    copy = pickle.loads(pickle.dumps(ProjectError("a", "b", "c")))
    assert (type(copy), copy.where, copy.problem, copy.remedy) == (ProjectError, "a", "b", "c")


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("maximum", ["column", "min", "max"], "Did you mean `max`?  (options: column, min, max)"),
        ("Arr_Delay", ["arr_delay"], "Did you mean `arr_delay`?  (options: arr_delay)"),
        ("arr_delay", ["Arr_Delay", "ARR_DELAY"], "Did you mean `Arr_Delay`?  (options: Arr_Delay, ARR_DELAY)"),
        ("xyz", ["column", "min"], "(options: column, min)"),
        ("xyz", [], "(options: none)"),
        (3, [3, 4], "Did you mean `3`?  (options: 3, 4)"),
    ],
)
def test_the_nearest_name_is_offered(name, known, expected):
    assert nearest(name, known, "options") == expected


def test_a_long_list_of_names_is_cut():
    assert nearest("zz", [f"c{n}" for n in range(22)], "columns").endswith("c18, c19, … 2 more)")


@given(st.text(), st.lists(st.text()))
def test_any_names_have_a_nearest_or_none(name, known):
    assert nearest(name, known).startswith(("Did you mean `", "(known: "))
