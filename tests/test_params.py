"""params.yaml is checked strictly: every mistake names its key, what was found, and what was meant."""

import copy
import re
from typing import Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from dag import ROOT
from pipeline import params
from pipeline.contract import Contract
from pipeline.errors import ProjectErrors
from pipeline.params import Column, Columns, Params, Value, check_options, validate

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
FIELDS = [{"name": "year", "type": "integer"}]
TABLES = [
    {"name": name, "path": f"{name}.csv", "sources": [{"title": "A"}], "schema": {"fields": FIELDS}}
    for name in ("flights", "weather")
]
CONTRACT = {"name": "trips", "licenses": [], "resources": TABLES}


def changed(content, place, value):
    """A copy of content with one value changed; place is a tuple of keys."""
    content = copy.deepcopy(content)
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return content


def refused(call, *messages):
    with pytest.raises(ProjectErrors, match="^" + re.escape("\n".join(messages)) + "$"):
        call()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("sede",), 1, "sede: no such key\n  Did you mean `seed`?  (keys: seed, partition_rows, access, clean, transform, serve, train, evaluate, publish)"),
        (("seed",), "x", "seed: found 'x', expected a whole number"),
        (("seed",), True, "seed: found true, expected a whole number"),
        (("seed",), None, "seed: found nothing, expected a whole number"),
        (("seed",), -1, "seed: found -1, expected greater than or equal to 0"),
        (("partition_rows",), 1.5, "partition_rows: found 1.5, expected a whole number"),
        (("clean", "flights"), 3, "clean.flights: found 3, expected keys with values"),
        (("clean", 3), {}, "clean.3: found 3, expected text"),
        ((3,), {}, "3: found 3, expected text as its name"),
        (("serve", "balance"), "nne", "serve.balance: found `nne`, no such choice\n  Did you mean `none`?  (choices: none, subsample, supersample)"),
        (("serve", "split", "bye"), 1, "serve.split.bye: no such key\n  Did you mean `by`?  (keys: by, column, test_share)"),
        (("serve", "inputs"), [], "serve.inputs: found [], expected at least one item"),
        (("serve", "inputs"), ["a", 3], "serve.inputs.1: found 3, expected text"),
        (("transform", "features", "late"), 3, "transform.features.late: found 3, expected text or keys with values"),
        (("transform", "features", "late"), {"function": "f", 3: 1}, "transform.features.late.3: found 3, expected text"),
        (("evaluate", "gate", "auc"), {"mn": 1}, "evaluate.gate.auc.mn: no such key\n  Did you mean `min`?  (keys: min, max, beats_baseline_by)"),
        (("train", "pca"), "x", "train.pca: found 'x', expected a whole number or a number"),
        (("publish", "name"), "A b", "publish.name: found 'A b', expected text that matches '^[a-z0-9][a-z0-9._-]*$'"),
    ],
)  # fmt: skip
def test_a_mistake_in_params_names_its_key(place, value, message):
    refused(lambda: validate(Params, changed(PARAMS, place, value), "params.yaml"), f"params.yaml: {message}")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("resources", 0, "scema"), 1, "resources.flights.scema: no such key\n  Did you mean `schema`?"),
        (("resources", 1, "schema", "feilds"), 1, "resources.weather.schema.feilds: no such key\n  Did you mean `fields`?"),
        (("resources", 0, "schema", "fields", 0, "tpye"), 1, "resources.flights.schema.fields.year.tpye: no such key\n  Did you mean `type`?"),
        (("resources", 0, "schema", "fields", 0, "constraints"), {"min": 1}, "resources.flights.schema.fields.year.constraints.min: no such key\n  Did you mean `minimum`?"),
        (("resources", 0, "sources", 0, "titel"), 1, "resources.flights.sources.0.titel: no such key\n  Did you mean `title`?"),
        (("resources", 0, "name"), 3, "resources.0.name: found 3, expected text"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_list_is_found_by_the_names_of_its_items(place, value, message):
    with pytest.raises(ProjectErrors, match="^" + re.escape(f"contract.yaml: {message}")):
        validate(Contract, changed(CONTRACT, place, value), "contract.yaml")


def test_all_mistakes_are_told_at_once():
    content = changed(changed(PARAMS, ("seed",), "x"), ("train", "folds"), 1)
    del content["publish"]
    refused(
        lambda: validate(Params, content, "params.yaml"),
        "params.yaml: seed: found 'x', expected a whole number",
        "params.yaml: train.folds: found 1, expected greater than or equal to 2",
        "params.yaml: publish: this key is missing",
    )


def test_a_long_value_is_shown_in_short():
    with pytest.raises(ProjectErrors) as caught:
        validate(Params, changed(PARAMS, ("seed",), "x" * 10_000), "params.yaml")
    assert len(str(caught.value)) < 200


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.one_of(st.text(max_size=3), st.integers(), st.none()), inner)
    ),
    max_leaves=4,
)


def places(content, prefix=()):
    yield prefix
    for key, value in (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    ):
        yield from places(value, (*prefix, key))


@pytest.mark.parametrize(("model", "content"), [(Params, PARAMS), (Contract, CONTRACT)])
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_stands_at_any_place_is_taken_or_refused_in_words(model, content, data):
    place = data.draw(st.sampled_from([place for place in places(content) if place]))
    content = changed(content, place, data.draw(values))
    if data.draw(st.booleans()):
        content = changed(content, (data.draw(st.text(max_size=3)),), 1)
    try:
        assert isinstance(validate(model, content, "file.yaml"), BaseModel)
    except ProjectErrors as mistakes:
        assert mistakes.errors
        assert all(mistake.where.startswith("file.yaml") for mistake in mistakes.errors)


# --- loading a part ---------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


SPLIT = "split: {by: time, column: t, test_share: 0.25}"


def test_one_name_gives_one_value_and_several_a_tuple(file):
    path = file(f"seed: 7\npartition_rows: 100\nserve: {{target: late, inputs: [a], {SPLIT}}}")
    assert params.load("seed", file=path) == 7
    assert params.load("seed", "serve.target", "serve.split.by", file=path) == (7, "late", "time")


def test_a_stage_does_not_look_at_sections_that_it_does_not_use(file):
    assert params.load("seed", file=file("seed: 7\nserve: nonsense\nsede: 1")) == 7


def test_a_section_that_is_left_out_has_its_default(file):
    assert params.load("clean", file=file("seed: 7")) == {}


def test_mistakes_of_several_sections_are_told_at_once(file):
    path = file("seed: x\npartition_rows: 0")
    refused(
        lambda: params.load("seed", "partition_rows", file=path),
        f"{path}: seed: found 'x', expected a whole number",
        f"{path}: partition_rows: found 0, expected greater than or equal to 1",
    )


def test_the_whole_of_the_project_is_good():
    assert params.load_all(ROOT / "params.yaml").partition_rows == PARAMS["partition_rows"]


def test_settings_do_not_change(file):
    split = params.load("serve.split", file=file(f"serve: {{target: late, inputs: [a], {SPLIT}}}"))
    with pytest.raises(ValueError, match="frozen"):
        split.by = "key"


# --- the options of functions -----------------------------------------------------------------------------------------


def rule(
    table,
    *,
    column: Column,
    by: Columns | None = None,
    factor: float = 1,
    method: Literal["iqr", "zscore"] = "iqr",
    values: dict[Value, Value | None] | None = None,
    copy=None,
):
    """A function with options of all kinds; `copy` is also the name of a method that pydantic's models have."""


def options(**given):
    return check_options(rule, given, "params.yaml: clean.t.r", ("table",))


def test_options_get_the_defaults_of_the_function():
    assert options(column="a", factor=2) == {
        "column": "a",
        "by": None,
        "factor": 2,
        "method": "iqr",
        "values": None,
        "copy": None,
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "column: this option is missing"),
        ({"colum": "a"}, "column: this option is missing\nparams.yaml: clean.t.r.colum: no such option of rule\n  Did you mean `column`?  (options: column, by, factor, method, values, copy)"),
        ({"column": 3}, "column: found 3, expected text"),
        ({"column": "a", "by": 3}, "by: found 3, expected text or a list"),
        ({"column": "a", "by": ["x", 3]}, "by.1: found 3, expected text"),
        ({"column": "a", "by": []}, "by: found [], expected text or at least one item"),
        ({"column": "a", "factor": "x"}, "factor: found 'x', expected a number"),
        ({"column": "a", "factor": False}, "factor: found false, expected a number"),
        ({"column": "a", "method": "z-score"}, "method: found `z-score`, no such choice\n  Did you mean `zscore`?  (choices: iqr, zscore)"),
        ({"column": "a", "values": {"a": [1]}}, "values.a: found [1], expected a single value"),
        ({"column": "a", "values": 3}, "values: found 3, expected keys with values"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_option_names_it(given, message):
    refused(lambda: options(**given), f"params.yaml: clean.t.r.{message}")


def test_type_hints_that_cannot_be_read_are_told():
    def strange(table, *, column: "Unknown"):  # noqa: F821
        pass

    message = "params.yaml: x: the type hints of strange cannot be read: name 'Unknown' is not defined"
    refused(
        lambda: check_options(strange, {}, "params.yaml: x", ("table",)),
        message + "\n  An option is text, a number, true or false, …",
    )
