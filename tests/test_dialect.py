"""Where a file's header stands, and what above the data is no data: as the contract's dialect says, for CSV and Excel."""

import datetime
from pathlib import Path

import pytest

from needs import module
from pipeline.contract import Dialect
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.params import validate
from pipeline.raw import open_raw
from small import resource, rows_of, write

WHOLE = {"name": "a", "type": "integer"}
TEXT = {"name": "b"}


def read(tmp_path: Path, file: str, table):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    raw = open_raw(table, tmp_path / "raw", scratch, 1000)
    return rows_of(raw.parts[0].read(raw.columns)), raw.columns_not_in_contract


@pytest.mark.parametrize(
    ("text", "dialect", "unlisted"),
    [
        ("a,b\n1,x\n", {}, []),
        ("Title\n\na,b,c\n1,x,y\n", {"headerRows": [3]}, ["c"]),
        ("a,b\n(g),(m)\n1,x\n", {"commentRows": [2]}, []),
        ("Title\na,b\n(g),(m)\n1,x\n", {"headerRows": [2], "commentRows": [1, 3]}, []),
        ("1,x\n", {"header": False}, []),
        ("b,b\n1,x\n", {"header": False, "commentRows": [1]}, []),
        ("Title\nb,b\n1,x\n", {"header": False, "commentRows": [1, 2]}, []),
        ('"a","b\nb"\n1,x\n', {"header": False, "commentRows": [1]}, []),
    ],
)
def test_rows_above_the_data_are_skipped(tmp_path, text, dialect, unlisted):
    write(tmp_path / "raw" / "t.csv", text)
    assert read(tmp_path, "t.csv", resource(WHOLE, TEXT, dialect=dialect)) == ([(1, "x")], unlisted)


def test_a_ragged_row_is_counted_from_the_first_row_of_data(tmp_path):
    write(tmp_path / "raw" / "t.csv", "Title\na,b\n1,x\n2\n")
    with pytest.raises(ProjectError, match="row 2: found 1 cells, expected 2"):
        read(tmp_path, "t.csv", resource(WHOLE, TEXT, dialect={"headerRows": [2]}))


def test_a_header_row_beyond_the_file_is_an_empty_file(tmp_path):
    write(tmp_path / "raw" / "t.csv", "a,b\n1,x\n")
    with pytest.raises(ProjectError, match="empty"):
        read(tmp_path, "t.csv", resource(WHOLE, TEXT, dialect={"headerRows": [9]}))


@pytest.mark.parametrize(
    "dialect", [{"commentRows": [3]}, {"header": False, "commentRows": [2]}, {"headerRows": [1, 2]}]
)
def test_comments_among_the_data_are_refused(dialect):
    with pytest.raises(ProjectErrors):
        validate(Dialect, dialect, "contract.yaml: t.dialect")


def workbook(path: Path, **sheets: list[list[object]]) -> None:
    module("openpyxl")
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(exist_ok=True)
    book.save(path)


FIELDS = (
    WHOLE,
    TEXT,
    {"name": "day", "type": "date"},
    {"name": "time", "type": "datetime"},
    {"name": "ok", "type": "boolean"},
    {"name": "x", "type": "number"},
)
HEADER = [field["name"] for field in FIELDS]
DAY = datetime.datetime(2013, 1, 31)


@pytest.mark.parametrize(
    ("above", "dialect"),
    [
        ([HEADER], {}),
        ([["Title"], [], HEADER], {"headerRows": [3]}),
        ([HEADER, ["g", None]], {"commentRows": [2]}),
        ([["x"] * 6], {"header": False, "commentRows": [1]}),
    ],
)
def test_a_sheet_is_read_as_the_contract_says(tmp_path, above, dialect):
    rows = [[1, "x", DAY, DAY, True, 1.5], [None] * 6, [2, None, DAY, DAY.replace(hour=5), False, "#DIV/0!"]]
    workbook(tmp_path / "raw" / "t.xlsx", first=[*above, *rows])
    table = resource(*FIELDS, dialect=dialect, schema={"missingValues": ["", "#DIV/0!"]})
    found, unlisted = read(tmp_path, "t.xlsx", table)
    assert found == [(1, "x", DAY, DAY, True, 1.5), (2, None, DAY, DAY.replace(hour=5), False, None)]
    assert unlisted == []


@pytest.mark.parametrize("sheet", ["Data", 2])
def test_a_sheet_is_named_or_counted(tmp_path, sheet):
    workbook(tmp_path / "raw" / "t.xlsx", Notes=[["?"]], Data=[["b", "c"], ["x", "y"]])
    assert read(tmp_path, "t.xlsx", resource(TEXT, dialect={"excel": {"sheet": sheet}})) == ([("x",)], ["c"])


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("Dta", "no sheet `Dta`\n  Did you mean `Data`"),
        (3, "no sheet 3\n  They count from 1"),
        (1, "the sheet is empty"),
    ],
)
def test_a_sheet_that_is_not_there_is_said(tmp_path, sheet, message):
    workbook(tmp_path / "raw" / "t.xlsx", Notes=[], Data=[["b"], ["x"]])
    with pytest.raises(ProjectError, match=message):
        read(tmp_path, "t.xlsx", resource(TEXT, dialect={"excel": {"sheet": sheet}}))


def test_a_value_beside_the_columns_is_said(tmp_path):
    workbook(tmp_path / "raw" / "t.xlsx", first=[["b"], ["x", None, 5]])
    with pytest.raises(ProjectError, match="row 2 of the sheet: a value to the right of the 1 columns"):
        read(tmp_path, "t.xlsx", resource(TEXT))


def test_what_is_no_workbook_is_said(tmp_path):
    module("openpyxl")
    write(tmp_path / "raw" / "t.xlsx", "b\nx\n")
    with pytest.raises(ProjectError, match=r"not readable as Excel \(.xlsx\)"):
        read(tmp_path, "t.xlsx", resource(TEXT))
