"""Joins along the contract's foreign keys: many to one, checked."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import Field, ForeignKey, Reference, Resource, Schema
from pipeline.errors import ProjectError
from pipeline.joins import join_part, joined_columns, make_lookup


def table(name, columns, foreign_keys=()):
    schema = Schema(fields=[Field(name=column) for column in columns], foreignKeys=list(foreign_keys))
    return Resource(name=name, path=f"data/raw/{name}/{name}.csv", schema=schema)


TO_WEATHER = ForeignKey(fields=["origin", "hour"], reference=Reference(resource="weather", fields=["origin", "hour"]))
FLIGHTS = table("flights", ["id", "origin", "hour"], [TO_WEATHER])
WEATHER = table("weather", ["origin", "hour", "temp"])


def flights(*rows):
    return pd.DataFrame(rows, columns=["id", "origin", "hour"]).astype(
        {"id": "Int64", "origin": "str", "hour": "Int64"}
    )


def weather(*rows):
    return pd.DataFrame(rows, columns=["origin", "hour", "temp"]).astype({"origin": "str", "hour": "Int64"})


OBSERVED = weather(("EWR", 5, 39.0), ("JFK", 5, 41.5), ("EWR", 6, 40.0))


def join(left, right=OBSERVED):
    joined, unmatched = join_part(left, [make_lookup(FLIGHTS, WEATHER, right)])
    return joined["weather_temp"].tolist(), unmatched["weather"]


def test_each_row_finds_the_row_with_its_key():
    assert join(flights((1, "EWR", 6), (2, "JFK", 5), (3, "EWR", 5))) == ([40.0, 41.5, 39.0], 0)


def test_a_row_without_a_match_is_kept_with_missing_values_and_counted():
    joined, unmatched = join_part(flights((1, "LGA", 5), (2, "EWR", 7)), [make_lookup(FLIGHTS, WEATHER, OBSERVED)])
    assert joined["id"].tolist() == [1, 2]
    assert joined["weather_temp"].isna().all()
    assert unmatched == {"weather": 2}


def test_a_missing_key_matches_nothing_not_even_another_missing_key():
    joined, unmatched = join_part(flights((1, None, 5)), [make_lookup(FLIGHTS, WEATHER, weather((None, 5, 1.0)))])
    assert joined["weather_temp"].isna().all()
    assert unmatched == {"weather": 1}


def test_joined_columns_carry_the_name_of_their_table_and_keep_their_type():
    joined, _ = join_part(flights((1, "EWR", 5)), [make_lookup(FLIGHTS, WEATHER, OBSERVED)])
    assert {name: str(dtype) for name, dtype in joined.dtypes.items()} == {
        "id": "Int64",
        "origin": "str",
        "hour": "Int64",
        "weather_temp": "float64",
    }


def test_the_rows_keep_their_index():
    left = flights((1, "EWR", 5), (2, "JFK", 5))
    left.index = [7, 9]
    joined, _ = join_part(left, [make_lookup(FLIGHTS, WEATHER, OBSERVED)])
    assert joined.index.tolist() == [7, 9]


def test_a_right_key_that_repeats_is_refused_and_shown():
    with pytest.raises(ProjectError) as caught:
        make_lookup(FLIGHTS, WEATHER, weather(("EWR", 5, 39.0), ("EWR", 5, 40.0)))
    assert str(caught.value) == (
        "contract.yaml: foreign key of `flights` to `weather`: (origin, hour) repeats in 1 rows of data/clean/weather, "
        "such as: EWR, 5\n  Join on a key that names one row, or add a rule `drop_duplicates` to clean.weather in params.yaml."
    )


def test_personal_values_of_a_right_key_that_repeats_are_masked():
    personal = Schema(fields=[Field(name="origin", personal=True), Field(name="hour"), Field(name="temp")])
    secret = WEATHER.model_copy(update={"table_schema": personal})
    with pytest.raises(ProjectError, match="such as: •••, 5\\n"):
        make_lookup(FLIGHTS, secret, weather(("EWR", 5, 39.0), ("EWR", 5, 40.0)))


def test_a_table_that_no_foreign_key_points_to_is_refused():
    with pytest.raises(ProjectError, match="no foreign keys of `flights` point to `weathr`"):
        make_lookup(FLIGHTS, table("weathr", ["origin"]), OBSERVED)


def test_an_empty_right_table_matches_nothing():
    assert join(flights((1, "EWR", 5)), weather())[1] == 1


KEYS = st.tuples(st.sampled_from(["EWR", "JFK", "LGA", None]), st.one_of(st.none(), st.integers(-3, 3)))


@given(st.lists(KEYS, max_size=20), st.lists(KEYS, unique=True, max_size=10))
def test_a_join_agrees_with_a_dictionary(left_keys, right_keys):
    right_keys = [key for key in right_keys if None not in key]
    right = weather(*((origin, hour, float(number)) for number, (origin, hour) in enumerate(right_keys)))
    left = flights(*((number, origin, hour) for number, (origin, hour) in enumerate(left_keys)))
    temps, unmatched = join(left, right)
    expected = [float(right_keys.index(key)) if key in right_keys else None for key in left_keys]
    assert [None if pd.isna(temp) else temp for temp in temps] == expected
    assert unmatched == expected.count(None)


def test_where_each_joined_column_comes_from():
    schema = {"flights": FLIGHTS, "weather": WEATHER}
    assert joined_columns(FLIGHTS, ["weather"], schema, "params.yaml: transform.joins") == {
        "id": ("flights", "id"),
        "origin": ("flights", "origin"),
        "hour": ("flights", "hour"),
        "weather_temp": ("weather", "temp"),
    }


def test_two_columns_of_one_name_are_refused():
    main = table("flights", ["id", "origin", "hour", "weather_temp"], [TO_WEATHER])
    with pytest.raises(ProjectError, match="two columns would be named `weather_temp`"):
        joined_columns(main, ["weather"], {"flights": main, "weather": WEATHER}, "params.yaml: transform.joins")
