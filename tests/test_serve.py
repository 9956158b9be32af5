"""The serve stage: what it writes, and that the two parts share no row."""

import json

import numpy as np
import pandas as pd
import pytest

import serve
from pipeline.contract import Field, Resource, Schema, without_prose
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.ready import read_ready
from pipeline.splitting import TEST
from pipeline.tables import part_path, write_part

PARAMS = """
seed: 1
partition_rows: 3
transform: {table: visits, features: {}}
serve:
  target: late
  inputs: [hour]
  split: {by: time, column: day, test_share: 0.4}
  balance: BALANCE
  format: FORMAT
evaluate: {slices: [note]}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fields = [
        Field(name="id", type="integer"),
        Field(name="day", type="date"),
        Field(name="hour", type="integer"),
        Field(name="late", type="boolean"),
        Field(name="note"),
    ]
    visits = Resource(name="visits", path="visits.csv", schema=Schema(fields=fields, primaryKey=["id"]))
    bounds = [Field(name="hour", type="integer", constraints={"maximum": 23})]
    ready = Resource(name="ready", path="ready.csv", schema=Schema(fields=bounds))
    (tmp_path / "data" / "schema").mkdir(parents=True)
    (tmp_path / "data" / "schema" / "raw.json").write_text(without_prose({"visits": visits}))
    (tmp_path / "data" / "schema" / "ready.json").write_text(without_prose({"ready": ready}))
    write_features(tmp_path, hours=range(10))
    return tmp_path


def write_features(project, hours, late=(True, False, False, False, True, False, False, True, False, True)):
    table = pd.DataFrame(
        {
            "id": pd.array(range(10), "Int64"),
            "day": pd.date_range("2013-01-01", periods=10).astype("datetime64[us]"),
            "hour": pd.array(hours, "Int64"),
            "late": pd.array(late, "boolean"),
            "note": pd.array(list("abcdefghij"), "str"),
        }
    )
    (project / "data" / "features").mkdir(exist_ok=True)
    write_part(table[:6], part_path(project / "data" / "features", 0))
    write_part(table[6:], part_path(project / "data" / "features", 1))


def run(project, balance="none", form="parquet"):
    (project / "params.yaml").write_text(PARAMS.replace("BALANCE", balance).replace("FORMAT", form))
    serve.main()
    return [read_ready(project / "data" / "ready" / side) for side in ("train", "test")]


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
def test_train_and_test_hold_key_split_inputs_slices_and_target_in_any_format(project, form):
    train, test = run(project, form=form)
    assert list(train.columns) == ["id", "day", "hour", "note", "late"]
    assert train["id"].tolist() == [0, 1, 2, 3, 4, 5]
    assert test["id"].tolist() == [6, 7, 8, 9]
    assert [str(dtype) for dtype in test.dtypes] == ["Int64", "datetime64[us]", "Int64", "str", "boolean"]


def test_parts_are_cut_to_the_rows_of_params(project):
    run(project)
    parts = sorted(
        path.relative_to(project / "data" / "ready").as_posix() for path in (project / "data" / "ready").glob("*/*")
    )
    assert parts == [
        "test/part-00000.parquet",
        "test/part-00001.parquet",
        "train/part-00000.parquet",
        "train/part-00001.parquet",
    ]


def test_only_the_training_part_is_balanced(project):
    train, test = run(project, balance="supersample")
    assert train["late"].value_counts().to_dict() == {True: 4, False: 4}
    assert test["id"].tolist() == [6, 7, 8, 9]


def test_subsampling_takes_rows_out_of_the_training_part(project):
    train, _ = run(project, balance="subsample")
    assert train["late"].value_counts().to_dict() == {True: 2, False: 2}


def test_the_sides_are_counted(project):
    run(project)
    assert json.loads((project / "metrics" / "serve.json").read_text()) == {
        "test_classes": {"False": 2, "True": 2},
        "test_rows": 4,
        "train_classes": {"False": 4, "True": 2},
        "train_rows": 6,
    }


def test_rows_without_a_target_are_refused_not_dropped(project):
    write_features(project, range(10), late=(None, *[True] * 9))
    with pytest.raises(ProjectError, match="`late` is missing in 1 of 10 rows"):
        run(project)


def test_rows_that_break_the_bounds_of_ready_are_named(project):
    write_features(project, [*range(8), 24, 25])
    with pytest.raises(ProjectError) as caught:
        run(project)
    assert str(caught.value).splitlines()[:3] == [
        "data/features: 2 values break contract.yaml:",
        "  row 9, hour: `24` is over the maximum 23",
        "  row 10, hour: `25` is over the maximum 23",
    ]


def test_hindsight_is_refused_without_help_from_check(project):
    schema = json.loads((project / "data" / "schema" / "raw.json").read_text())
    next(field for field in schema["visits"]["schema"]["fields"] if field["name"] == "hour")["hindsight"] = True
    (project / "data" / "schema" / "raw.json").write_text(json.dumps(schema))
    with pytest.raises(ProjectErrors, match="`hour` is known only afterwards"):
        run(project)


def test_chunks_repeat_a_row_as_often_as_planned():
    chunks = [(side, positions.tolist()) for side, positions in serve.ready_chunks(np.array([2, TEST, 0, 1]), 2)]
    assert chunks == [("train", [0, 0]), ("train", [3]), ("test", [1])]
