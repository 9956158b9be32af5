"""What the service asks for, made of the contract."""

import pytest

from pipeline.errors import ProjectError
from pipeline.service.inputs import TIME, row_schema
from service_bundle import COLUMNS, CONTRACT, make_bundle, opened

LOGISTIC = {"model": "sklearn.linear_model.LogisticRegression"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return opened(make_bundle(tmp_path_factory.mktemp("inputs") / "bundle"))


@pytest.fixture(scope="module")
def properties(bundle):
    return row_schema(bundle.inputs)["properties"]


def named(bundle, name):
    return next(each for each in bundle.inputs if each.name == name)


def test_what_inputs_derive_from_is_asked_for_and_nothing_personal_or_known_afterwards(bundle):
    assert [each.name for each in bundle.inputs] == COLUMNS
    assert named(bundle, "clock").feeds == ["hour"]
    assert named(bundle, "wind").feeds == ["wind"]


def test_type_unit_description_and_range_are_those_of_the_contract(properties):
    assert properties["wind"] == {
        "title": "Wind",
        "type": ["number", "null"],
        "description": "Speed of the wind [m/s]",
        "unit": "m/s",
        "minimum": 0,
        "maximum": 60,
        "examples": [6.0],
    }
    assert properties["clock"]["title"] == "Time of day"
    assert properties["clock"]["type"] == ["integer", "null"]


def test_categories_are_those_of_the_contract_or_else_those_of_the_training_part_as_a_hint(properties):
    assert properties["shop"]["enum"] == ["north", "south", "west", None]
    assert "enum" not in properties["street"]
    assert properties["street"]["description"] == "Where it is; known to the model: Elm, Oak, Fir"


def test_a_column_has_the_type_that_cleaning_gave_it_and_no_bound_of_the_raw_text(properties):
    assert properties["since"]["pattern"] == TIME


def test_what_the_contract_requires_is_required_but_not_of_a_row_without_a_partner(bundle):
    assert row_schema(bundle.inputs)["required"] == ["sale"]


def test_a_model_that_takes_no_gap_requires_its_numbers(tmp_path):
    inputs = ["shop", "sale", "shops_area"]
    schema = row_schema(opened(make_bundle(tmp_path / "bundle", train=LOGISTIC, inputs=inputs)).inputs)
    assert schema["required"] == ["sale", "shops_area"]


def test_the_typical_row_is_of_the_training_part(bundle):
    typical = {each.name: each.typical for each in bundle.inputs}
    assert typical["shop"] == "north"
    assert typical["sale"] is False
    assert typical["shops_area"] == 200.0


def test_a_service_that_would_ask_for_something_personal_is_refused(tmp_path):
    contract = CONTRACT.replace("{name: clock, title", "{name: clock, personal: true, title")
    with pytest.raises(ProjectError) as caught:
        opened(make_bundle(tmp_path / "bundle", contract=contract))
    assert "`hour` is personal (hour <- clock), and a service may not ask for it" in str(caught.value)
