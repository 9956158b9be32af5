"""The drafted files, line by line, and that any text survives being written as YAML."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

import draft
from pipeline import contract, params
from pipeline.drafting.sniffing import Told
from pipeline.drafting.writing import flow, one_line, scalar
from pipeline.yamlfile import read_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.dictionaries(
        TEXTS, TEXTS | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
    )
)
def test_every_reader_reads_what_was_written(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    lines = [f"  - {scalar(value)} # {one_line(str(value))}" for value in content.values()]
    text = f"flow: {flow([content])}\nblock:\n" + "".join(f"{line}\n" for line in [*lines, "  - end"])
    path.write_bytes(text.encode())
    expected = {"flow": [content], "block": [*content.values(), "end"]}
    assert read_yaml(path) == expected
    assert YAML(typ="safe").load(path) == expected


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Body Mass (g)", "Body Mass (g)"),
        ("Größe", "Größe"),
        ("2nd", '"2nd"'),
        ("yes", '"yes"'),
        (" x", '" x"'),
        ("a: b", '"a: b"'),
        ("a # b", '"a # b"'),
        ("`a b` >= 1", '"`a b` >= 1"'),
        ("missing(`a b`)", "missing(`a b`)"),
        ("line\nbreak", '"line\\nbreak"'),
        ("a\u00a0b", '"a\\U000000a0b"'),
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
    ],
)
def test_quotes_stand_only_where_they_are_needed(value, written):
    assert scalar(value) == written


def test_inside_brackets_commas_need_quotes():
    assert flow({"name": "a, b", "unit": "m/s"}) == '{name: "a, b", unit: m/s}'


VISITS = """\
Visit;Patient;Körpergröße (m);Weight [kg];Seen on;Doctor;Recovered
1;p1;1,71;70,5;03.01.2013;A;yes
2;p2;1,82;-;04.01.2013;A;no
3;p1;1,71;71;07.01.2013;B;yes
4;p3;1,65;55,2;08.01.2013;A;yes
5;p4;1,90;99;09.01.2013;B;no
6;p2;1,82;80;10.01.2013;A;yes
7;p3;1,65;55,4;11.01.2013;B;no
8;p1;1,71;70;14.01.2013;A;yes
9;p4;1,90;98;15.01.2013;B;no
10;p2;1,82;81,3;16.01.2013;A;
11;p1;1,71;70;17.01.2013;A;yes
12;p3;1,65;54;18.01.2013;B;no
"""
PARAMS = """\
# Every number and choice of the pipeline, drafted by src/draft.py: what it guessed stands here to be looked at and
# changed, by hand or by `dvc exp run -S train.options.n_estimators=400`. Unknown keys are mistakes, and are named.

seed: 1 # of everything random: balancing, splits by hash, cross-validation, models, bootstrap
partition_rows: 250000 # rows that a Parquet part holds at most; bounds the memory of every stage

# Where each raw table comes from. `python src/pin.py` writes the hashes; another hash stops the run.
access:
  visits:
    uri: data/source/visits.csv
    sha256: SHA256

# Rules by table; each has a name of your choice and acts in its phase (repair, reject, blank, fill), so that their
# order here does not matter. All rules: src/rules.py. Those behind a # are suggestions, with what they would hit.
clean:
  visits:
    known_target: # 1 row; nothing is learned from a row without it
      rule: drop_missing
      column: Recovered

# The main table, the tables that it joins along the contract's foreign keys (their columns get the table's name in
# front), and derived columns: an expression, or a function of src/features.py with its options.
transform:
  table: visits
  joins: []
  features:
    seen_on_weekday: {function: date_part, column: Seen on, part: weekday}

serve:
  target: Recovered # 2 classes
  inputs:
    - Patient
    - Körpergröße (m)
    - Weight [kg]
    - seen_on_weekday
    - Doctor
    # - Visit # the key
  split: # time: the latest rows are the test part, as in real use; group: of a column; key, row: by a hash
    by: time
    column: Seen on
    test_share: 0.25 # of the rows
  balance: none # none, subsample or supersample; in the training part only
  format: parquet # parquet, csv or json: what the model's side reads

train:
  model: sklearn.ensemble.RandomForestClassifier # any classifier or regressor of scikit-learn
  options: # of that class
    n_estimators: 200 # trees
    min_samples_leaf: 2 # rows
  encode: ordinal # ordinal or one_hot: how text becomes numbers
  impute: none # none, mean or median; this model takes missing values as they are
  scale: false # true for models that compare distances
  pca: null # a number of components, or a share of the variance
  folds: 5 # of the cross-validation, on the training part only
  search: null # {kind: grid, options: {n_estimators: [200, 400]}} tries each in the folds
  calibrate: none # none, sigmoid or isotonic: maps probabilities to how often they came true
  threshold: f1 # of the probability; f1: that of the best F1 in the cross-validation

evaluate:
  gate: {} # what a release must reach, such as roc_auc: {min: 0.7}; an experiment is not stopped by it
  slices: [] # columns; the metrics of each of their values stand apart, so that a weak group shows

publish:
  name: visits # of the bundle
"""
CONTRACT = """\
name: visits
title: ""
description: ""
licenses: [] # of the data, such as  [{name: CC-BY-4.0, path: "https://creativecommons.org/licenses/by/4.0/"}]
sources: [] # where the data come from, such as  [{title: A survey, path: "https://example.org"}]

resources:
  # not UTF-8; read as latin-1 (it then holds ßö): if these are wrong, name another --encoding
  - name: visits
    path: data/raw/visits/visits.csv
    encoding: latin-1
    dialect: {csv: {delimiter: ";"}}
    title: ""
    description: "" # 12 rows
    schema:
      missingValues: ["", "-"] # `-` in 1 cell
      primaryKey: [Visit] # all rows differ in it, as in: Seen on
      fields:
        - {name: Visit, type: integer, description: ""} # 1 to 12
        - {name: Patient, type: string, description: ""} # 4 different
        - {name: Körpergröße (m), type: number, unit: m, decimalChar: ",", description: ""} # 1.65 to 1.9
        - {name: "Weight [kg]", type: number, unit: kg, decimalChar: ",", description: ""} # 8.3 % missing; 54 to 99
        - {name: Seen on, type: date, format: "%d.%m.%Y", description: ""} # 2013-01-03 to 2013-01-18
        - {name: Doctor, type: string, description: ""} # 2 different
        - {name: Recovered, type: boolean, trueValues: ["yes"], falseValues: ["no"], hindsight: true, description: ""}\
 # 8.3 % missing

  - name: ready
    path: data/ready/train/part-00000.parquet
    title: ""
    description: ""
    schema:
      fieldsMatch: subset # the other columns come from the raw tables and keep the meaning that they have there
      fields:
        - {name: Recovered, type: boolean, description: "", constraints: {required: true}}
        - {name: seen_on_weekday, type: integer, description: ""}
"""


def test_the_drafts_line_by_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").touch()
    Path("visits.csv").write_text(VISITS, encoding="latin-1")
    draft.draft(["visits.csv"], "Recovered", [], [], Told())
    expected = PARAMS.replace("SHA256", hashlib.sha256(VISITS.encode("latin-1")).hexdigest())
    assert params.FILE.read_text(encoding="utf-8").splitlines() == expected.splitlines()
    written = contract.FILE.read_text(encoding="utf-8")
    assert written[written.index("name: visits") :].splitlines() == CONTRACT.splitlines()
