"""Data that nobody prepared, in a copy of this project: drafted, they run to the end at once, and the contract is valid."""

import csv
import io
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from needs import module
from project import copy_again, must_run, stages

pytestmark = pytest.mark.long

ALL_STAGES = """
import importlib, sys
sys.path.insert(0, "src")
for name in sys.argv[1:]:
    importlib.import_module(name).main()
"""
VALIDATE = """
import frictionless
report = frictionless.validate("contract.yaml", type="package")
assert report.valid, [(task.name, error.message) for task in report.tasks for error in task.errors] or report.errors
"""


@pytest.fixture
def fresh(untouched: Path, tmp_path: Path) -> Path:
    return copy_again(untouched, tmp_path / "project")


def rows(count: int) -> list[dict[str, object]]:
    """Measurements of animals on three islands, some of them missing."""
    draw = random.Random(count)
    found = []
    for number in range(count):
        kind = draw.choice(["Adelie", "Gentoo", "Chinstrap"])
        mass = draw.gauss({"Adelie": 3700, "Gentoo": 5000, "Chinstrap": 3900}[kind], 300)
        found.append(
            {
                "Nr": number + 1,
                "Kind": kind,
                "Body Mass (g)": round(mass, 1) if draw.random() > 0.1 else None,
                "Flügel [mm]": draw.randint(170, 230),
                "Seen": f"{draw.randint(1, 28):02d}.{draw.randint(1, 12):02d}.2013",
                "Ringed": draw.choice(["ja", "nein"]),
                "Note": f"nest {draw.randint(0, 10**6)}",
            }
        )
    return found


def as_csv(table: list[dict[str, object]], delimiter: str = ",", decimal: str = ".", missing: str = "NA") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(table[0])
    for row in table:
        cells = [missing if value is None else value for value in row.values()]
        writer.writerow(str(cell).replace(".", decimal) if isinstance(cell, float) else cell for cell in cells)
    return text.getvalue()


def german(project: Path) -> list[str]:
    table = [{name: cell for name, cell in row.items() if name != "Nr"} for row in rows(80)]
    lines = as_csv(table, ";", ",", "-").splitlines()
    text = "\r\n".join(["Stand 2013;;;;;;;", "", *(line + ";;" for line in lines), "Summe;320000,5;;;;;;"])
    (project / "vögel.csv").write_text(text, encoding="latin-1")
    return ["vögel.csv", "--target", "Kind"]


def binary(project: Path) -> list[str]:
    (project / "birds.csv").write_text(as_csv(rows(80)), encoding="utf-8-sig")
    return ["birds.csv", "--target", "Ringed", "--table", "birds"]


def regression(project: Path) -> list[str]:
    (project / "birds.tsv").write_text(as_csv(rows(80), "\t"), encoding="utf-8")
    return ["birds.tsv", "--target", "Body Mass (g)"]


def forty_rows(project: Path) -> list[str]:
    table = [{**row, "rare": "yes" if row["Nr"] in (7, 23) else "no"} for row in rows(40)]
    (project / "few.csv").write_text(as_csv(table), encoding="utf-8")
    return ["few.csv", "--target", "rare"]


def hundred_columns(project: Path) -> list[str]:
    draw = random.Random(1)
    table = [{f"v{n}.1": round(draw.gauss(0, 1), 3) for n in range(100)} for _ in range(50)]
    (project / "wide.csv").write_text(as_csv(table), encoding="utf-8")
    return ["wide.csv", "--target", "v99.1"]


def repeated_names(project: Path) -> list[str]:
    lines = as_csv(rows(60)).replace("Flügel [mm]", "Kind").replace("Nr,", ",").splitlines(keepends=True)
    (project / "twice.csv").write_text("".join(lines), encoding="utf-8")
    return ["twice.csv", "--target", "Ringed"]


def json_records(project: Path) -> list[str]:
    pd.DataFrame(rows(60)).to_json(project / "birds.json", orient="records", force_ascii=False)
    return ["birds.json", "--target", "Ringed"]


def json_lines(project: Path) -> list[str]:
    pd.DataFrame(rows(60)).to_json(project / "birds.jsonl.gz", orient="records", lines=True)
    return ["birds.jsonl.gz", "--target", "Kind"]


def parquet(project: Path) -> list[str]:
    table = pd.DataFrame(rows(60)).astype({"Kind": "category"})
    table["list"] = [[1, 2]] * 60
    table["seen"] = pd.date_range("2013-01-01", periods=60, tz="UTC")
    table.to_parquet(project / "birds.parquet")
    return ["birds.parquet", "--target", "Kind"]


def excel(project: Path) -> list[str]:
    module("openpyxl")
    table = pd.DataFrame(rows(60))
    table["Day"] = pd.date_range("2013-01-01", periods=60)
    table.to_excel(project / "birds.xlsx", sheet_name="Vögel", index=False, startrow=2)
    return ["birds.xlsx", "--target", "Kind"]


def sqlite(project: Path) -> list[str]:
    with sqlite3.connect(project / "data" / "source" / "birds.db") as database:
        pd.DataFrame(rows(60)).to_sql("birds", database, index=False)
    query = "SELECT * FROM birds ORDER BY Nr"
    return ["sqlite:///data/source/birds.db", "--query", query, "--table", "birds", "--target", "Kind"]


def two_tables(project: Path) -> list[str]:
    table = [{**row, "island": "ABC"[row["Nr"] % 3]} for row in rows(60)]
    islands = [
        {"island": name, "Area (km2)": area, "Since": "1990-05-01"}
        for name, area in zip("ABCD", [1.5, 7, 3, 4], strict=True)
    ]
    (project / "birds.csv").write_text(as_csv(table), encoding="utf-8")
    (project / "islands.csv").write_text(as_csv(islands), encoding="utf-8")
    return ["birds.csv", "islands.csv", "--target", "Kind"]


CASES = [german, binary, regression, forty_rows, hundred_columns, repeated_names]
CASES += [json_records, json_lines, parquet, excel, sqlite, two_tables]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_draft_runs_to_the_end_at_once(fresh, case: Callable[[Path], list[str]]):
    must_run(fresh, "python", "src/draft.py", *case(fresh))
    must_run(fresh, "python", "-c", ALL_STAGES, *stages(fresh))
    if case is not german:  # its row of totals has no key, and frictionless knows nothing of the rule that drops it
        must_run(fresh, "python", "-c", VALIDATE)


def test_dvc_runs_a_draft_and_then_has_nothing_to_do(fresh):
    must_run(fresh, "python", "src/draft.py", *two_tables(fresh))
    must_run(fresh, "dvc", "repro")
    assert "up to date" in must_run(fresh, "dvc", "repro")


def test_a_file_that_dvc_keeps_is_drafted_where_it_is(fresh):
    source = fresh / "data" / "source" / "birds.csv"
    source.write_text(as_csv(rows(80)), encoding="utf-8")
    must_run(fresh, "dvc", "add", "data/source/birds.csv")
    must_run(fresh, "python", "src/draft.py", "data/source/birds.csv", "--target", "Kind")
    must_run(fresh, "dvc", "repro")
    must_run(fresh, "git", "check-ignore", "data/source/birds.csv")
