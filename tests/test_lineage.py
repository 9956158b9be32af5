"""Marks of the contract are inherited: what derives from hindsight is hindsight."""

import features
from pipeline.contract import Field, ForeignKey, Reference, Resource, Schema
from pipeline.derive import functions_of
from pipeline.lineage import marked_columns, refuse_hindsight, sources_of
from pipeline.params import Transform

TO_PLANES = ForeignKey(fields=["tailnum"], reference=Reference(resource="planes", fields=["tailnum"]))
SCHEMA = {
    "flights": Resource(
        name="flights",
        path="flights.csv",
        schema=Schema(
            fields=[
                Field(name="tailnum"),
                Field(name="arr_delay", type="integer", hindsight=True),
                Field(name="hour", type="integer"),
            ],
            foreignKeys=[TO_PLANES],
        ),
    ),
    "planes": Resource(
        name="planes",
        path="planes.csv",
        schema=Schema(fields=[Field(name="tailnum"), Field(name="owner", personal=True)]),
    ),
}
READY = Resource(name="ready", path="ready.parquet", schema=Schema(fields=[Field(name="late_hour", hindsight=True)]))


def marked(mark, features_, ready=None):
    settings = Transform(table="flights", joins=["planes"], features=features_)
    return marked_columns(mark, SCHEMA, ready, settings, functions_of(features))


def test_a_marked_column_is_its_own_reason():
    assert marked("hindsight", {}) == {"arr_delay": ["arr_delay"]}


def test_a_feature_of_a_marked_column_inherits_the_mark_also_through_another_feature():
    assert marked(
        "hindsight",
        {"late": "arr_delay >= 15", "very": {"function": "hour_of", "column": "late2"}, "late2": "arr_delay * 2"},
    ) == {
        "arr_delay": ["arr_delay"],
        "late": ["late", "arr_delay"],
        "late2": ["late2", "arr_delay"],
        "very": ["very", "late2", "arr_delay"],
    }


def test_a_joined_column_carries_the_mark_of_its_table():
    assert marked("personal", {}) == {"planes_owner": ["planes_owner"]}


def test_the_table_ready_can_mark_a_feature():
    assert marked("hindsight", {"late_hour": "hour + 1"}, READY) == {
        "arr_delay": ["arr_delay"],
        "late_hour": ["late_hour"],
    }


def test_hindsight_among_the_inputs_is_named_with_the_way_that_it_came():
    errors = refuse_hindsight(
        ["hour", "very", "arr_delay"], {"arr_delay": ["arr_delay"], "very": ["very", "late2", "arr_delay"]}
    )
    assert [str(error) for error in errors] == [
        "params.yaml: serve.inputs: `very` is known only afterwards: it derives from `arr_delay` (very <- late2 <- arr_delay)\n"
        "  Take it out: a model that sees the future is of no use today.",
        "params.yaml: serve.inputs: `arr_delay` is known only afterwards: contract.yaml marks it\n"
        "  Take it out: a model that sees the future is of no use today.",
    ]


def test_the_sources_of_columns_are_found_through_features_and_named_once():
    features_ = {"late": "hour >= noon", "noon": "hour - lunch", "clock": {"function": "hour_of", "column": "time"}}
    settings = Transform(table="flights", features=features_)
    sources = sources_of(["clock", "planes_seats", "late"], settings, functions_of(features))
    assert sources == ["time", "planes_seats", "hour", "lunch"]
