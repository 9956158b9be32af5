"""The transform stage: joined and derived columns, and how many rows found no partner."""

import json

import pandas as pd
import pytest

import transform
from pipeline.contract import Field, ForeignKey, Reference, Resource, Schema, without_prose
from pipeline.errors import ProjectErrors
from pipeline.tables import part_path, read_table, write_part

TO_PLANES = ForeignKey(fields=["tailnum"], reference=Reference(resource="planes", fields=["tailnum"]))


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flights = Schema(fields=[Field(name="tailnum"), Field(name="delay", type="integer")], foreignKeys=[TO_PLANES])
    planes = Schema(fields=[Field(name="tailnum"), Field(name="seats", type="integer")])
    schema = {
        "flights": Resource(name="flights", path="flights.csv", schema=flights),
        "planes": Resource(name="planes", path="planes.csv", schema=planes),
    }
    for folder in ("schema", "clean/flights", "clean/planes"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    (tmp_path / "data" / "schema" / "raw.json").write_text(without_prose(schema))
    clean = tmp_path / "data" / "clean"
    rows = pd.DataFrame({"tailnum": ["N1", "N2", None], "delay": [20, 5, 15]}).astype(
        {"tailnum": "str", "delay": "Int64"}
    )
    write_part(rows[:2], part_path(clean / "flights", 0))
    write_part(rows[2:], part_path(clean / "flights", 1))
    seats = pd.DataFrame({"tailnum": ["N1"], "seats": [180]}).astype({"tailnum": "str", "seats": "Int64"})
    write_part(seats, part_path(clean / "planes", 0))
    return tmp_path


def run(project, features):
    (project / "params.yaml").write_text(f"transform: {{table: flights, joins: [planes], features: {features}}}\n")
    transform.main()
    return read_table(project / "data" / "features")


def test_joined_and_derived_columns_stand_beside_those_of_the_main_table(project):
    table = run(project, "{late: delay >= 15, per_seat: delay / planes_seats}")
    assert list(table.columns) == ["tailnum", "delay", "planes_seats", "late", "per_seat"]
    assert table["late"].tolist() == [True, False, True]
    assert table["per_seat"].fillna(-1).tolist() == [20 / 180, -1, -1]


def test_rows_without_a_partner_are_kept_and_counted(project):
    assert len(run(project, "{}")) == 3
    assert json.loads((project / "metrics" / "transform.json").read_text()) == {
        "rows": 3,
        "unmatched_rows": {"planes": 2},
    }


def test_parts_stay_parts(project):
    run(project, "{}")
    assert [path.name for path in sorted((project / "data" / "features").iterdir())] == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]


def test_the_order_of_features_changes_no_byte(project):
    def parts():
        return [path.read_bytes() for path in sorted((project / "data" / "features").iterdir())]

    run(project, "{late: delay >= 15, very_late: delay >= 60}")
    before = parts()
    run(project, "{very_late: delay >= 60, late: delay >= 15}")
    assert parts() == before


def test_a_column_that_a_rule_dropped_is_named(project):
    with pytest.raises(ProjectErrors, match=r"transform\.features\.x: no such column `planes_speed`"):
        run(project, "{x: planes_speed * 2}")
