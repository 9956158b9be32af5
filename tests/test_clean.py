"""The clean stage on real files: what it writes, that it always writes the same bytes, and that nothing is lost."""

import gzip
import hashlib
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

import clean
import rules as rule_functions
from pipeline import tables
from pipeline.cleaning import fill, repair
from pipeline.contract import RAW_SCHEMA, without_prose
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import Column
from pipeline.raw import REMEDY
from pipeline.tables import read_table
from small import resource, rows_of, write

FLIGHTS = "id,carrier,delay,seats\n1,UA,5,\n2,ua ,900,20\n3,,-7,x\n4,UA,,30\n5,B6,11,40\n"
COLUMNS = [
    {"name": "id", "type": "integer"},
    {"name": "carrier", "type": "string"},
    {"name": "delay", "type": "integer"},
    {"name": "seats", "type": "string"},
]
RULES = {
    "one_spelling": {"rule": "normalise_text", "column": "carrier", "case": "upper"},
    "seats_as_numbers": {"rule": "parse_number", "column": "seats"},
    "known_delay": {"rule": "drop_missing", "column": "delay"},
    "plausible_delay": {"rule": "drop_outside", "column": "delay", "max": 600},
    "known_carrier": {"rule": "drop_missing", "column": "carrier"},
    "usual_seats": {"rule": "fill_median", "column": "seats", "by": "carrier"},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write the files that the stage reads, run it, and return the ledger."""
    monkeypatch.chdir(tmp_path)

    def run(files, entries=None, contract=None, partition_rows=100):
        contract = contract or [resource(*COLUMNS, name="flights")]
        for name, content in files.items():
            write(clean.RAW / name, content)
        write(RAW_SCHEMA, without_prose({table.name: table for table in contract}))
        write(
            Path("params.yaml"),
            yaml.safe_dump({"partition_rows": partition_rows, "clean": entries or {}}, sort_keys=False),
        )
        clean.main()
        return json.loads(clean.LEDGER.read_text(encoding="utf-8"))

    return run


def hashes():
    """All that the stage has written."""
    written = [path for folder in (clean.CLEAN, clean.REJECTED) for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted([*written, clean.LEDGER, clean.LEDGER_PLOT])
    }


def refused(call, *messages):
    with pytest.raises(ProjectErrors, match="^" + re.escape("\n".join(messages)) + "$"):
        call()
    assert not clean.CLEAN.exists()
    assert not clean.REJECTED.exists()
    assert not clean.LEDGER.exists()
    assert not clean.LEDGER_PLOT.exists()


# --- what is written --------------------------------------------------------------------------------------------------


def test_kept_rows_are_cleaned_and_rejected_ones_are_as_they_came(project):
    project({"flights/flights.csv": FLIGHTS}, {"flights": RULES})
    assert rows_of(read_table(clean.CLEAN / "flights")) == [(1, "UA", 5, None), (5, "B6", 11, 40.0)]
    rejected = read_table(clean.REJECTED / "flights")
    assert list(rejected.columns) == ["id", "carrier", "delay", "seats", "broken_rules", "source_file", "source_row"]
    assert rows_of(rejected) == [
        (2, "ua ", 900, "20", "plausible_delay", "flights.csv", 2),
        (3, None, -7, "x", "known_carrier", "flights.csv", 3),
        (4, "UA", None, "30", "known_delay", "flights.csv", 4),
    ]


def test_the_ledger_counts_rows_and_cells_and_records_statistics(project):
    assert project({"flights/flights.csv": FLIGHTS}, {"flights": RULES}) == {
        "flights": {
            "rows_in": 5,
            "rows_kept": 2,
            "rows_rejected": 3,
            "columns_not_in_contract": [],
            "rules": {
                "known_carrier": {"phase": "reject", "rows_hit": 1},
                "known_delay": {"phase": "reject", "rows_hit": 1},
                "one_spelling": {"phase": "repair", "cells_changed": 1},
                "plausible_delay": {"phase": "reject", "rows_hit": 1},
                "seats_as_numbers": {"phase": "repair", "cells_changed": 1},
                "usual_seats": {"phase": "fill", "cells_changed": 0, "statistics": {"seats": {"B6": 40.0}}},
            },
        }
    }


def test_the_ledger_is_also_bars_for_dvc_plots(project):
    project({"flights/flights.csv": FLIGHTS}, {"flights": RULES})
    assert clean.LEDGER_PLOT.read_text().splitlines() == [
        "rule,phase,count",
        "flights.known_carrier,reject,1",
        "flights.known_delay,reject,1",
        "flights.one_spelling,repair,1",
        "flights.plausible_delay,reject,1",
        "flights.seats_as_numbers,repair,1",
        "flights.usual_seats,fill,0",
    ]


def test_statistics_are_recorded_as_json_whatever_their_kind(project):
    entries = {
        "far": {"rule": "drop_outliers", "column": "delay", "method": "quantile", "upper": 0.75},
        "empty": {"rule": "drop_column_missing", "column": ["seats", "id"], "more_than": 0.5},
        "usual": {"rule": "fill_mode", "column": "carrier"},
        "first": {"rule": "fill_mode", "column": "time", "by": "day"},
        "twice": {"rule": "drop_duplicates", "columns": "id"},
    }
    contract = [
        resource(*COLUMNS, {"name": "time", "type": "datetime"}, {"name": "day", "type": "date"}, name="flights")
    ]
    files = {
        "flights/f.csv": "id,carrier,delay,seats,time,day\n1,UA,1,,2013-01-31 12:00:00,2013-01-31\n2,,3,,,2013-01-31\n"
    }
    ledger = project(files, {"flights": entries}, contract)["flights"]["rules"]
    assert {name: rule.get("statistics") for name, rule in ledger.items()} == {
        "far": {"delay": {"min": None, "max": 2.5}},
        "empty": {"id": 0.0, "seats": 1.0},
        "usual": {"carrier": "UA"},
        "first": {"time": {"2013-01-31T00:00:00": "2013-01-31T12:00:00"}},
        "twice": None,
    }
    assert ledger["empty"]["columns_dropped"] == ["seats"]


def test_the_ledger_is_json_that_any_reader_takes(project):
    table = resource({"name": "x", "type": "number"}, name="t")
    rules = {
        "far": {"rule": "drop_outliers", "column": "x", "method": "zscore"},
        "middle": {"rule": "fill_median", "column": "x"},
    }
    for content in ("x\n", 'x\n""\n', "x\n1\n", "x\n1e308\n-1e308\n"):
        project({"t/t.csv": content}, {"t": rules}, [table])
        json.loads(clean.LEDGER.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_what_was_measured_of_personal_columns_is_not_recorded(project):
    people = resource(
        {"name": "name", "personal": True}, {"name": "age", "type": "integer"}, {"name": "town"}, name="people"
    )
    entries = {
        "usual": {"rule": "fill_mode", "column": "name"},
        "age": {"rule": "fill_median", "column": "age", "by": "name"},
        "town": {"rule": "fill_mode", "column": "town"},
    }
    ledger = project({"people/p.csv": "name,age,town\nAda,36,London\n"}, {"people": entries}, [people])
    assert {name: rule["statistics"] for name, rule in ledger["people"]["rules"].items()} == {
        "usual": {"name": "•••"},
        "age": {"age": "•••"},
        "town": {"town": "London"},
    }


def test_columns_that_the_contract_does_not_list_are_left_out_and_named(project):
    ledger = project({"flights/flights.csv": "extra," + FLIGHTS.replace("\n", "\nx,").removesuffix("x,")})
    assert ledger["flights"]["columns_not_in_contract"] == ["extra"]
    assert list(read_table(clean.CLEAN / "flights").columns) == ["id", "carrier", "delay", "seats"]


def test_rows_are_found_again_in_the_source_across_files_and_parts(project):
    files = {
        "flights/a.csv": "id,carrier,delay,seats\n1,UA,,\n2,UA,1,\n3,UA,,\n",
        "flights/b.jsonl.gz": gzip.compress(
            b'{"id": 4, "carrier": "UA", "delay": 1, "seats": ""}\n\n{"id": 5}\n{"id": 6}\n'
        ),
    }
    project(files, {"flights": {"known_delay": RULES["known_delay"]}}, partition_rows=2)
    assert [row[-2:] for row in rows_of(read_table(clean.REJECTED / "flights"))] == [
        ("a.csv", 1),
        ("a.csv", 3),
        ("b.jsonl.gz", 2),
        ("b.jsonl.gz", 3),
    ]
    assert rows_of(read_table(clean.CLEAN / "flights"))[1] == (4, "UA", 1, None)


@pytest.mark.parametrize(
    ("content", "kept", "rejected"),
    [
        ("id,carrier,delay,seats\n", 0, 0),
        ("id,carrier,delay,seats\n1,UA,,\n2,UA,,\n", 0, 2),
        ("id,carrier,delay,seats\n1,UA,5,\n", 1, 0),
    ],
)
def test_tables_with_nothing_to_keep_or_to_reject_have_their_columns_all_the_same(project, content, kept, rejected):
    ledger = project({"flights/flights.csv": content}, {"flights": RULES})["flights"]
    assert (ledger["rows_kept"], ledger["rows_rejected"]) == (kept, rejected)
    cleaned = read_table(clean.CLEAN / "flights")
    assert {name: str(dtype) for name, dtype in cleaned.dtypes.items()} == {
        "id": "Int64",
        "carrier": "str",
        "delay": "Int64",
        "seats": "float64",
    }
    assert (len(cleaned), len(read_table(clean.REJECTED / "flights"))) == (kept, rejected)


def test_plain_pandas_reads_what_is_written(project):
    project({"flights/flights.csv": FLIGHTS}, partition_rows=2)
    read = pd.read_parquet(clean.CLEAN / "flights")
    assert rows_of(read) == rows_of(read_table(clean.CLEAN / "flights"))
    assert str(read["delay"].dtype) == "Int64"


def test_what_an_earlier_run_left_is_gone(project):
    write(clean.CLEAN / "gone" / "part-00000.parquet", "old")
    write(clean.REJECTED / "flights" / "part-00009.parquet", "old")
    project({"flights/flights.csv": FLIGHTS})
    assert [str(path) for path in sorted(Path("data").glob("[cr]*/*/part*.parquet"))] == [
        "data/clean/flights/part-00000.parquet",
        "data/rejected/flights/part-00000.parquet",
    ]


# --- the same bytes ---------------------------------------------------------------------------------------------------

MANY = "id,carrier,delay,seats\n" + "".join(f"{n % 97},{'UB'[n % 2]},{n * n % 700},{n % 5 or ''}\n" for n in range(20))
ALL = RULES | {
    "one_row": {"rule": "drop_duplicates", "columns": ["id", "delay"], "keep": "last"},
    "some": {"rule": "keep_sample", "share": 0.9},
    "far": {"rule": "blank_outliers", "column": "delay", "method": "zscore", "factor": 1},
    "empty": {"rule": "drop_column_missing", "column": "delay", "more_than": 0.01},
}


def test_neither_the_order_of_the_rules_nor_the_number_of_threads_changes_a_byte(project, monkeypatch):
    project({"flights/flights.csv": MANY}, {"flights": ALL}, partition_rows=5)
    before = hashes()
    assert len(before) == 10
    for processors, entries in ((1, ALL), (2, ALL), (7, dict(reversed(ALL.items())))):
        monkeypatch.setattr(tables, "_processors", lambda n=processors: n)
        project({}, {"flights": entries}, partition_rows=5)
        assert hashes() == before


@pytest.mark.parametrize("partition_rows", [1, 7, 19, 20, 21])
def test_parts_of_any_size_hold_the_same_rows(project, partition_rows):
    def run(rows):
        ledger = project({"flights/flights.csv": MANY}, {"flights": ALL}, partition_rows=rows)
        return ledger, read_table(clean.CLEAN / "flights"), read_table(clean.REJECTED / "flights")

    expected, found = run(100), run(partition_rows)
    assert found[0] == expected[0]
    pd.testing.assert_frame_equal(found[1], expected[1])
    pd.testing.assert_frame_equal(found[2], expected[2])
    assert len(tables.part_paths(clean.CLEAN / "flights")) == -(-20 // partition_rows)


@pytest.mark.parametrize("rows_a_group", [3, 20])
def test_the_form_of_the_source_does_not_matter(project, rows_a_group):
    csv = project({"flights/f.csv": MANY}, {"flights": ALL}, partition_rows=7)
    rows, rejected = (
        read_table(folder / "flights").drop(columns="source_file", errors="ignore")
        for folder in (clean.CLEAN, clean.REJECTED)
    )
    (clean.RAW / "flights" / "f.csv").unlink()
    types = {"id": "int32", "carrier": "category", "delay": "float64", "seats": "str"}
    source = pd.read_csv(io.StringIO(MANY), dtype=types)
    source.to_parquet(clean.RAW / "flights" / "f.parquet", row_group_size=rows_a_group)
    assert project({}, {"flights": ALL}, partition_rows=7) == csv
    pd.testing.assert_frame_equal(read_table(clean.CLEAN / "flights"), rows)
    pd.testing.assert_frame_equal(read_table(clean.REJECTED / "flights").drop(columns="source_file"), rejected)
    source.astype({"delay": "Int16"}).to_parquet(clean.RAW / "flights" / "f.parquet", row_group_size=rows_a_group)
    assert project({}, {"flights": ALL}, partition_rows=7) == csv
    pd.testing.assert_frame_equal(read_table(clean.CLEAN / "flights"), rows)
    pd.testing.assert_frame_equal(read_table(clean.REJECTED / "flights").drop(columns="source_file"), rejected)


# --- mistakes ---------------------------------------------------------------------------------------------------------


def test_what_breaks_the_contract_in_all_tables_is_told_at_once_and_nothing_is_left(project):
    contract = [resource(*COLUMNS, name="flights"), resource({"name": "x", "type": "integer"}, name="planes")]
    files = {"flights/flights.csv": FLIGHTS.replace("5,B6", "x,B6"), "planes/p.csv": "x\n1\ny\n"}
    refused(
        lambda: project(files, contract=contract),
        f"data/raw/flights/flights.csv: 1 value breaks contract.yaml:\n  row 5, id: `x` is no integer\n  {REMEDY}",
        f"data/raw/planes/p.csv: 1 value breaks contract.yaml:\n  row 2, x: `y` is no integer\n  {REMEDY}",
    )


def test_a_mistake_leaves_nothing_of_an_earlier_run(project):
    project({"flights/flights.csv": FLIGHTS})
    assert clean.LEDGER.exists()
    refused(
        lambda: project({"flights/flights.csv": "id,carrier\n1,UA\n"}),
        "data/raw/flights/flights.csv: no column `delay`, which contract.yaml lists\n  (columns: id, carrier)",
    )


def test_a_rule_that_is_unknown_stops_the_stage_before_it_removes_anything(project):
    project({"flights/flights.csv": FLIGHTS})
    with pytest.raises(ProjectErrors, match=r"^params\.yaml: clean\.flights\.r\.rule: no rule `drop`"):
        project({}, {"flights": {"r": {"rule": "drop"}}})
    assert clean.LEDGER.exists()


def test_a_key_that_repeats_stops_the_stage(project):
    keyed = [resource(*COLUMNS, name="flights", schema={"primaryKey": ["carrier"]})]
    entries = {"known": {"rule": "drop_missing", "column": "carrier"}}
    refused(
        lambda: project({"flights/flights.csv": FLIGHTS}, {"flights": entries}, keyed),
        "contract.yaml: flights: the key (carrier): repeats in 1 rows after cleaning, such as: UA\n"
        "  Add a rule `drop_duplicates` to clean.flights in params.yaml, or choose another key.",
    )
    entries["one"] = {"rule": "drop_duplicates", "columns": "carrier"}
    assert project({}, {"flights": entries}, keyed)["flights"]["rows_kept"] == 3


def test_a_key_that_is_filled_after_its_duplicates_went_is_looked_at_again(project):
    keyed = [resource(*COLUMNS, name="flights", schema={"primaryKey": ["carrier"]})]
    entries = {
        "one": {"rule": "drop_duplicates", "columns": "carrier"},
        "none": {"rule": "fill_constant", "column": "carrier", "value": "UA"},
    }
    with pytest.raises(
        ProjectErrors, match=re.escape("the key (carrier): repeats in 1 rows after cleaning, such as: UA")
    ):
        project({"flights/flights.csv": FLIGHTS}, {"flights": entries}, keyed)


def test_infinite_numbers_are_refused_unless_a_rule_takes_them_out(project):
    table = resource({"name": "x", "type": "number"}, name="t")
    clean.RAW.joinpath("t").mkdir(parents=True)
    pd.DataFrame({"x": [1.0, float("inf"), None]}).to_parquet(clean.RAW / "t" / "t.parquet")
    refused(
        lambda: project({}, contract=[table]),
        "params.yaml: clean.t: 1 values of `x` are infinite after cleaning\n  Add a rule `blank_outside` or `drop_outside`.",
    )
    project({}, {"t": {"finite": {"rule": "blank_outside", "column": "x", "max": 1e300}}}, [table])
    assert rows_of(read_table(clean.CLEAN / "t")) == [(1.0,), (None,), (None,)]


def test_a_rule_that_decides_by_what_it_sees_in_one_part_is_found(project, monkeypatch):
    @fill
    def drop_if_empty(table, *, column: Column):
        return None if table[column].isna().all() else table[column]

    @repair
    def numbers_if_it_can(table, *, column: Column):
        return pd.to_numeric(table[column]) if table[column].notna().all() else table[column]

    for rule, found in (
        (drop_if_empty, "is dropped in one part of the table and str"),
        (numbers_if_it_can, "is str in one part of the table and Int64"),
    ):
        monkeypatch.setattr(rule_functions, rule.__name__, rule, raising=False)
        refused(
            lambda name=rule.__name__: project(
                {"flights/flights.csv": FLIGHTS.replace(",x", ",3")},
                {"flights": {"r": {"rule": name, "column": "seats"}}},
                partition_rows=1,
            ),
            f"params.yaml: clean.flights: the column `seats` {found} in another\n"
            "  A rule in src/rules.py decides by the rows that it sees; let it `measure` the whole column.",
        )


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        ({1: float("nan")}, {"1": None}),
        (pd.Timestamp("2013-01-31"), "2013-01-31T00:00:00"),
        (pd.Series([True])[0], True),
        (pd.Series([3], dtype="Int64")[0], 3),
        (None, None),
    ],
)
def test_what_is_recorded_is_json(measured, expected):
    assert clean.recorded(measured, "r") == expected
    assert json.loads(json.dumps(clean.recorded(measured, "r"), allow_nan=False)) == expected


def test_what_no_ledger_can_show_is_refused():
    with pytest.raises(ProjectError, match=r"^r: found ndarray, expected numbers, texts or times, or keys with them\n"):
        clean.recorded(pd.Series([1]).to_numpy(), "r")
