"""The bundle of the publish stage, as a stranger gets it."""

import hashlib
import json

import pandas as pd
import pytest
from frictionless import Package

import publish
from pipeline.ready import part_path, write_ready_part, write_schema

CONTRACT = """
name: visits
title: Visits
licenses: [{name: CC0-1.0}]
sources: [{title: The front desk}]
resources:
  - name: visits
    path: data/raw/visits/visits.csv
    sources: [{title: The door}]
    schema:
      primaryKey: [id]
      fields:
        - {name: id, type: integer, description: Number of the visit, constraints: {minimum: 1}}
        - {name: guest, personal: true, description: Name of the guest}
        - {name: stay, type: number, unit: min, hindsight: true, description: Length of the stay}
  - name: ready
    path: data/ready
    schema:
      fieldsMatch: subset
      fields:
        - {name: stay, type: number, constraints: {maximum: 600}}
        - {name: long, type: boolean, description: An hour or more}
"""
PARAMS = """
transform: {table: visits, features: {long: stay >= 60, letter: guest == 'A'}}
publish: {name: visits-2013}
"""


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    (tmp_path / "params.yaml").write_text(PARAMS)
    table = pd.DataFrame(
        {
            "id": pd.array([1, 2, 3], "Int64"),
            "guest": pd.array(["Ann", "Bo", "Cy"], "str"),
            "letter": pd.array([False, False, True], "boolean"),
            "stay": [61.5, None, 3.0],
            "long": pd.array([True, None, False], "boolean"),
        }
    )
    for side, rows in (("train", table[:2]), ("test", table[2:])):
        folder = tmp_path / "data" / "ready" / side
        folder.mkdir(parents=True)
        write_ready_part(rows, part_path(folder, 0, "parquet"))
    write_schema(table, tmp_path / "data" / "ready")
    for name, source in publish.COPIES.items():
        source.parent.mkdir(exist_ok=True)
        if not source.exists():
            source.write_text(f"{name}\n")
    publish.main()
    return tmp_path / "data" / "published"


def fields(bundle):
    package = json.loads((bundle / "datapackage.json").read_text())
    return {field["name"]: field for field in package["resources"][0]["schema"]["fields"]}


def test_csv_and_parquet_hold_both_parts_marked(bundle):
    csv, parquet = pd.read_csv(bundle / "visits-2013.csv"), pd.read_parquet(bundle / "visits-2013.parquet")
    assert csv["part"].tolist() == parquet["part"].tolist() == ["train", "train", "test"]
    assert csv["id"].tolist() == parquet["id"].tolist() == [1, 2, 3]
    assert csv["stay"].fillna(-1).tolist() == parquet["stay"].fillna(-1).tolist() == [61.5, -1, 3.0]


def test_personal_columns_and_what_derives_from_them_stay_at_home(bundle):
    assert set(fields(bundle)) == {"id", "stay", "long", "part"}
    for path in bundle.iterdir():
        assert b"Ann" not in path.read_bytes(), path


def test_a_column_is_described_by_its_raw_column_and_bounded_by_ready(bundle):
    assert fields(bundle)["stay"] == {
        "name": "stay",
        "type": "number",
        "description": "Length of the stay",
        "unit": "min",
        "constraints": {"maximum": 600},
    }


def test_bounds_of_the_raw_data_are_not_promised_of_the_published_ones(bundle):
    assert "constraints" not in fields(bundle)["id"]


def test_sources_of_tables_are_named_in_the_package(bundle):
    package = json.loads((bundle / "datapackage.json").read_text())
    assert [source["title"] for source in package["sources"]] == ["The front desk", "The door"]


def test_frictionless_accepts_the_bundle(bundle):
    report = Package(bundle / "datapackage.json").validate()
    assert report.flatten(["title", "message"]) == []


@pytest.mark.parametrize("change", [("61.5", "6150"), ("61.5", "long"), ("train", "trial"), (",true,", ",2,")])
def test_frictionless_refuses_a_bundle_whose_data_were_changed(bundle, change):
    path = bundle / "visits-2013.csv"
    path.write_text(path.read_text().replace(*change, 1))
    assert not Package(bundle / "datapackage.json").validate().valid


def test_checksums_name_every_file(bundle):
    sums = dict(reversed(line.split("  ")) for line in (bundle / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in bundle.iterdir()} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest


def test_publishing_again_gives_the_same_bytes(bundle):
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    publish.main()
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
