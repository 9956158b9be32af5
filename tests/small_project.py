"""A project of three rows with all that publish reads, made by hand: for tests of the bundle."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from dag import ROOT
from pipeline import tables
from pipeline.ready import part_path, write_ready_part, write_schema

CONTRACT = """
name: visits
title: Visits
description: Who came, and for how long.
keywords: [visits]
licenses: [{name: CC0-1.0, path: "https://creativecommons.org/publicdomain/zero/1.0/", title: CC0 1.0 Universal}]
sources: [{title: The front desk, path: "https://example.org/desk"}]
resources:
  - name: visits
    path: data/raw/visits/visits.csv
    sources: [{title: The door}]
    schema:
      primaryKey: [id]
      foreignKeys: [{fields: [room], reference: {resource: rooms, fields: [room]}}]
      fields:
        - {name: id, type: integer, description: Number of the visit, constraints: {minimum: 1}}
        - {name: guest, personal: true, description: Name of the guest}
        - {name: room, description: Number of the room}
        - {name: stay, type: number, unit: min, hindsight: true, description: Length of the stay}
  - name: rooms
    path: data/raw/rooms/rooms.csv
    schema:
      primaryKey: [room]
      fields:
        - {name: room}
        - {name: floor, type: integer, description: "Floor | storey"}
  - name: ready
    path: data/ready
    title: Visits to learn from
    schema:
      fieldsMatch: subset
      fields:
        - {name: stay, type: number, constraints: {maximum: 600}}
        - {name: long, type: boolean, description: An hour or more}
"""
PARAMS = """
seed: 1
partition_rows: 1000
access:
  visits: {uri: data/source/visits.csv, sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
  rooms: {uri: "https://example.org/rooms.csv"}
clean:
  visits:
    named: {rule: replace, column: guest, values: {Annie: Ann}}
transform: {table: visits, joins: [rooms], features: {long: stay >= 60, letter: guest == 'A'}}
serve: {target: long, inputs: [rooms_floor], split: {by: row, test_share: 0.3}}
train: {model: sklearn.tree.DecisionTreeClassifier}
evaluate: {gate: {roc_auc: {min: 0.6}}, slices: [room]}
publish: {name: visits-2013}
"""
CITATION = """
cff-version: 1.2.0
message: Please cite it.
title: Visits, and how long they last
type: dataset
authors:
  - {family-names: Lovelace, given-names: Ada, orcid: "https://orcid.org/0000-0002-1825-0097"}
version: 1.2.3
date-released: "2013-05-06"
license: CC0-1.0
"""
STAGES = """
stages:
  access:
    desc: Bring the raw files
    cmd: python src/access.py
    params: [access]
    outs: [data/raw]
  clean:
    cmd: python src/clean.py
    deps: [data/raw, src/clean.py, requirements.txt]
    params: [clean]
    outs: [data/clean, metrics/ledger.json: {cache: false}]
  train:
    desc: Fit the model
    cmd: python src/train.py
    deps: [data/ready/train]
    params: [seed, serve.target]
    outs: [models]
  publish:
    desc: Bundle it
    cmd: python src/publish.py
    deps: [params.yaml, data/ready, models/model.skops, requirements.txt]
    outs: [data/published]
"""
NO_LINEAR = dict.fromkeys(["linear", "gain_low", "gain_high"])
EVALUATION: dict[str, Any] = {
    "task": "binary",
    "target": "long",
    "classes": [False, True],
    "threshold": 0.4,
    "rows": {"train": 2, "test": 1},
    "metrics": {"roc_auc": {"value": 0.75, "low": 0.5, "high": 1.0, "baseline": 0.5} | NO_LINEAR},
    "slices": [
        {"column": "guest", "value": "Ann", "rows": 1, "metrics": {"roc_auc": {"value": 0.5, "low": 0.1, "high": 0.9}}},
        {"column": "room", "value": "7|a", "rows": 1, "metrics": {"roc_auc": {"value": 0.6, "low": 0.1, "high": 0.9}}},
    ],
    "importance": [{"column": "rooms_floor", "mean": 0.1, "std": 0.01}],
    "drift": [{"column": "rooms_floor", "measure": "kolmogorov_smirnov", "value": 0.5}],
    "findings": [
        {"check": "constant", "column": "rooms_floor", "message": "`rooms_floor` is 2 in all rows"},
        {"check": "weak_slice", "column": "guest", "message": "roc_auc is 0.5 for `guest` Ann, and 0.75 for all"},
    ],
    "gate": [{"line": "roc_auc is at least 0.6", "value": 0.75, "passed": True}],
    "passed": True,
    "undefined": {},
}
LEDGER = {
    "visits": {"rows_in": 4, "rows_kept": 3, "rows_rejected": 1, "rules": {"named": {"phase": "repair", "cells_changed": 1}}},
    "rooms": {"rows_in": 1, "rows_kept": 1, "rows_rejected": 0, "rules": {}},
}  # fmt: skip


def make_project(folder: Path) -> Path:
    """Write the project, up to where publish begins."""
    texts = {"contract.yaml": CONTRACT, "params.yaml": PARAMS, "CITATION.cff": CITATION, "dvc.yaml": STAGES}
    for name, text in texts.items():
        (folder / name).write_text(text.lstrip())
    (folder / "requirements.txt").write_text("pandas==3.1.1\n")
    for name in ("LICENSE", "src/verify.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "models").mkdir()
    (folder / "models/model.skops").write_bytes(b"a model")
    ready = pd.DataFrame(
        {
            "id": pd.array([1, 2, 3], "Int64"),
            "guest": pd.array(["Ann", "Bo", "Cy"], "str"),
            "room": pd.array(["7|a", None, 'say "x"'], "str"),
            "rooms_floor": pd.array([2, None, 3], "Int64"),
            "letter": pd.array([False, False, True], "boolean"),
            "stay": [61.5, None, 3.0],
            "long": pd.array([True, None, False], "boolean"),
        }
    )
    for side, rows in (("train", ready[:2]), ("test", ready[2:])):
        part = part_path(folder / "data/ready" / side, 0, "parquet")
        part.parent.mkdir(parents=True)
        write_ready_part(rows, part)
    write_schema(ready, folder / "data/ready")
    predicted = {"probability_false": [0.75], "probability_true": [0.25]}
    predictions = ready[2:][["id"]].assign(actual=ready.long[2:], predicted=pd.array([False], "boolean"), **predicted)
    write_table(folder / "data/predictions", predictions)
    rejected = ready[:1][["id", "guest", "room", "stay"]]
    write_table(
        folder / "data/rejected/visits", rejected.assign(broken_rules="short", source_file="v.csv", source_row=9)
    )
    results = {
        "ledger": LEDGER,
        "transform": {"rows": 3, "unmatched_rows": {"rooms": 1}},
        "serve": {"train_rows": 2, "test_rows": 1},
        "train": {"cv_roc_auc": 0.7, "cv_roc_auc_std": 0.1, "folds": [0.6, 0.8], "train_rows": 2},
        "evaluate": {"roc_auc": 0.75, "test_rows": 1, "passed": True},
        "evaluation": EVALUATION,
    }
    (folder / "metrics").mkdir()
    for name, content in results.items():
        (folder / f"metrics/{name}.json").write_text(json.dumps(content))
    return folder


def write_table(folder: Path, frame: pd.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_part(frame, tables.part_path(folder, 0))


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Edit a file of the project; the old text has to stand in it exactly once."""
    text = (folder / name).read_text()
    assert text.count(old) == 1, (name, old)
    (folder / name).write_text(text.replace(old, new))
