"""Raw files as people have them: read as the contract says, or refused in one message with file, row and column."""

import csv
import datetime
import decimal
import gzip
import io
import json
import math
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frictionless import Resource as FrictionlessResource
from frictionless import system
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract import Resource
from pipeline.errors import ProjectError
from pipeline.raw import REMEDY, RawTable, open_raw
from small import resource, rows_of, write

ID, NAME = {"name": "id", "type": "integer"}, {"name": "name", "type": "string"}
TABLE = resource(ID, NAME)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def read(tmp_path, folder):
    """Read all rows of the files in the folder."""

    def read_rows(table: Resource = TABLE, partition_rows: int = 100) -> list[tuple]:
        return rows_of(whole(open_folder(table, partition_rows)))

    def open_folder(table: Resource = TABLE, partition_rows: int = 100) -> RawTable:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        return open_raw(table, folder, scratch, partition_rows)

    read_rows.open = open_folder
    return read_rows


def whole(raw: RawTable) -> pd.DataFrame:
    rows = pd.concat([part.read(raw.columns) for part in raw.parts])
    assert rows.index.tolist() == list(range(raw.rows))
    pieces = pd.concat([piece for part in raw.parts for piece in part.pieces(raw.columns)])
    pd.testing.assert_frame_equal(pieces, rows)
    return rows


def refused(call, message, where=""):
    with pytest.raises(ProjectError, match="^" + re.escape(message) + "$") as caught:
        call()
    assert type(caught.value) is ProjectError


# --- CSV --------------------------------------------------------------------------------------------------------------

GOOD = [(1, "a"), (2, None)]


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("t.csv", "id,name\n1,a\n2,\n", {}),
        ("t.csv", "id,name\n1,a\n2,", {}),
        ("t.csv", "id,name\r\n1,a\r\n2,\r\n", {}),
        ("t.csv", "id,name\r1,a\r2,\r", {}),
        ("t.csv", b"\xef\xbb\xbfid,name\n1,a\n2,\n", {}),
        ("t.csv", b'\xef\xbb\xbf"id","name"\n"1","a"\n"2",""\n', {}),
        ("t.csv", "\n\nid,name\n\n1,a\n\n2,\n\n\n", {}),
        ("t.csv", "name,id\na,1\n,2\n", {}),
        ("t.csv", "id;name\n1;a\n2;\n", {"dialect": {"csv": {"delimiter": ";"}}}),
        ("t.csv", "id,name\n1,'a'\n2,''\n", {"dialect": {"csv": {"quoteChar": "'"}}}),
        ("t.csv", "1,a\n2,\n", {"dialect": {"header": False}}),
        ("t.tsv", "id\tname\n1\ta\n2\t\n", {}),
        ("T.TSV", "id\tname\n1\ta\n2\t\n", {}),
        ("t.csv.gz", gzip.compress(b"id,name\n1,a\n2,\n", mtime=0), {}),
        ("t.CSV.GZ", gzip.compress(b"id,name\n1,a\n2,\n", mtime=0), {}),
        ("t.csv.gz", gzip.compress(b"id,name\n1,a\n", mtime=0) + gzip.compress(b"2,\n", mtime=0), {}),
        ("download", "id,name\n1,a\n2,\n", {"format": "csv"}),
        ("t.csv", "id,name\n1,a\n2,\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("t.csv", "id,name\n1,a\n2,NA\n", {"schema": {"missingValues": ["NA"], "fields": [ID, NAME]}}),
        ("t.csv", "id,name,more,more\n1,a,x,y\n2,,x,y\n", {}),
        ("t.csv", "id,name,,\n1,a,,\n2,,,\n", {}),
    ],
)
def test_one_table_in_many_spellings(read, folder, name, content, more):
    write(folder / name, content)
    assert (
        read(
            resource(ID, NAME, **more)
            if "schema" not in more
            else Resource.model_validate({"name": "t", "path": "t", **more})
        )
        == GOOD
    )


def test_letters_beyond_ascii_are_read_by_the_encoding(read, folder):
    write(folder / "t.csv", "id,name\n1,Düsseldorf\n".encode("latin-1"))
    assert read(resource(ID, NAME, encoding="latin-1")) == [(1, "Düsseldorf")]
    message = (
        f"{folder}/t.csv: not readable as CSV in utf-8: 'utf-8' codec can't decode byte 0xfc in position 11: "
        "invalid start byte\n  Set the table's `encoding` in contract.yaml, such as latin-1 or cp1252."
    )
    refused(read, message)


@pytest.mark.parametrize(
    "encoding", ["UTF8", "utf_8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin1", "iso-8859-15", "mac_roman"]
)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_encodings_of_many_names_are_read(read, folder, form, encoding):
    text = {"csv": "id,name\n1,é\n", "jsonl": '{"id": 1, "name": "é"}\n'}[form]
    write(folder / f"t.{form}", text.encode(encoding))
    assert read(resource(ID, NAME, encoding=encoding)) == [(1, "é")]


def test_a_wrong_encoding_far_into_a_file_is_told_as_well(read, folder):
    write(folder / "t.csv", b"id,name\n" + b"1,a\n" * 50_000 + "2,ü\n".encode("latin-1"))
    with pytest.raises(ProjectError, match=r"t\.csv: not readable as CSV in utf-8: .*\n  Set the table's `encoding`"):
        read()


def test_quoted_cells_may_hold_delimiters_quotes_and_several_lines(read, folder):
    write(folder / "t.csv", 'id,name\n1,"a, ""b""\nc"\n2,"5"" pipe"\n3,5" pipe\n')
    assert read() == [(1, 'a, "b"\nc'), (2, '5" pipe'), (3, '5" pipe')]


def test_an_escape_character_can_be_set(read, folder):
    write(folder / "t.csv", 'id,name\n1,a\\,b\n2,"c\\"d"\n')
    assert read(resource(ID, NAME, dialect={"csv": {"escapeChar": "\\", "doubleQuote": False}})) == [
        (1, "a,b"),
        (2, 'c"d'),
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('id,name\n1,a\n2,"b\n3,c\n4,d\n', 3),
        ('id,name\n1,"a\n2,b\n3,"c\n', 2),
        ('id,name\n1,"a\nb"\n2,"c\n', 4),
        ('id,name,more\n1,a,x\n2,b,"y\n3,c,z\n', 3),
    ],
)
def test_a_quote_that_is_not_closed_swallows_no_rows(read, folder, content, line):
    write(folder / "t.csv", content)
    refused(
        read, f"{folder}/t.csv, line {line}: a quote is not closed, or closed too early\n  Double a quote in a cell."
    )


COMMA = "  The delimiter is `,`; set dialect.csv in contract.yaml where it is another."


@pytest.mark.parametrize(
    ("content", "more", "row"),
    [
        ("id,name\n1,a\n2,b,c\n", {}, 2),
        ("id,name\n1,a\n\n\n2,b,c\n", {}, 2),
        ("\n\nid,name\n1,a\n2,b,c\n", {}, 2),
        ('id,name\n1,"a\nb\nc"\n2,b,c\n', {}, 2),
        ('"id",name\n2,b,c', {}, 1),
        ("1,a\n2,b,c\n", {"dialect": {"header": False}}, 2),
        ("id,name\n" + "1,a\n" * 99_999 + "2,b,c\n", {}, 100_000),
        ("id,name\n" + f"1,{'a' * 990}\n" * 20_000 + "2,b,c\n" + "1,a\n" * 9, {}, 20_001),
    ],
)
def test_a_row_with_too_many_cells_is_named_by_its_number(read, folder, content, more, row):
    write(folder / "t.csv", content)
    refused(lambda: read(resource(ID, NAME, **more)), f"{folder}/t.csv: row {row}: found 3 cells, expected 2\n{COMMA}")


def test_a_row_with_too_few_cells_is_named_by_its_number(read, folder):
    write(folder / "t.csv.gz", gzip.compress(b"id,name\n1,a\n2\n", mtime=0))
    refused(read, f"{folder}/t.csv.gz: row 2: found 1 cells, expected 2\n{COMMA}")


def test_a_table_of_another_delimiter_has_no_such_columns(read, folder):
    write(folder / "t.csv", "id;name\n1;a\n")
    refused(read, f"{folder}/t.csv: no column `id`, which contract.yaml lists\n  (columns: id;name)")


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_told(read, folder, content):
    write(folder / "t.csv", content)
    refused(read, f"{folder}/t.csv: the file is empty")


@pytest.mark.parametrize("content", ["id,name", "id,name\n", "id,name\n\n\n"])
def test_a_header_alone_is_a_table_without_rows(read, folder, content):
    write(folder / "t.csv", content)
    raw = read.open()
    assert (raw.rows, len(raw.parts)) == (0, 1)
    assert [str(dtype) for dtype in whole(raw).dtypes] == ["Int64", "str"]


def test_a_missing_column_is_told_with_the_nearest(read, folder):
    write(folder / "t.csv", "id,nmae\n1,a\n")
    refused(
        read,
        f"{folder}/t.csv: no column `name`, which contract.yaml lists\n  Did you mean `nmae`?  (columns: id, nmae)",
    )


def test_a_column_that_stands_twice_is_refused(read, folder):
    write(folder / "t.csv", "id,name,name\n1,a,b\n")
    refused(read, f"{folder}/t.csv: the column `name` stands twice\n  Name the columns apart in the file.")


def test_columns_that_the_contract_does_not_list_are_left_out_and_named(read, folder):
    write(folder / "a.csv", "id,extra,name,more,more\n1,x,a,y,z\n")
    write(folder / "b.csv", "last,id,name\n9,2,b\n")
    raw = read.open()
    assert rows_of(whole(raw)) == [(1, "a"), (2, "b")]
    assert raw.columns_not_in_contract == ["extra", "more", "last"]


@pytest.mark.parametrize(
    "damage", ["cut off", "one byte changed", "many bytes changed", "checksum", "no gzip", "header"]
)
@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.gz", "t.json.gz"])
def test_a_damaged_gzip_is_one_mistake(read, folder, name, damage):
    rows = [{"id": number, "name": "abc" * (number % 7)} for number in range(2000)]
    text = {
        "t.csv.gz": "id,name\n" + "".join(f"{row['id']},{row['name']}\n" for row in rows),
        "t.jsonl.gz": "".join(json.dumps(row) + "\n" for row in rows),
        "t.json.gz": json.dumps(rows),
    }[name]
    content = bytearray(gzip.compress(text.encode()))
    match damage:
        case "cut off":
            del content[-20:]
        case "one byte changed":
            content[len(content) // 2] ^= 0xFF
        case "many bytes changed":
            content[40:-40] = b"\xff" * (len(content) - 80)
        case "checksum":
            content[-6] ^= 0xFF
        case "no gzip":
            content = bytearray(text.encode())
        case "header":
            del content[5:]
    write(folder / name, bytes(content))
    with pytest.raises(ProjectError, match=re.escape(f"{folder}/{name}")):
        read()


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", '{"id": 1, "name": "a"}\n{"id": 2, "name": null}\n'),
        ("t.ndjson", '{"id": 1, "name": "a"}\n\n{"id": 2}'),
        ("t.jsonl", b'\xef\xbb\xbf{"id": "1", "name": "a"}\r\n{"id": "2", "name": ""}\r\n'),
        ("t.jsonl.gz", gzip.compress(b'{"name": "a", "id": 1, "more": [1]}\n{"id": 2}', mtime=0)),
        ("t.json", '[{"id": 1, "name": "a"},\n {"id": 2}]'),
        ("t.json", b'\xef\xbb\xbf[{"id": 1, "name": "a"}, {"id": 2}]'),
    ],
)
def test_json_is_a_table_as_well(read, folder, name, content):
    write(folder / name, content)
    assert read() == GOOD


def test_numbers_in_json_keep_the_digits_they_have(read, folder):
    table = resource({"name": "text"}, {"name": "whole", "type": "integer"}, {"name": "number", "type": "number"})
    write(
        folder / "t.jsonl",
        '{"text": 1.50, "whole": 9007199254740993, "number": 0.1}\n{"text": true, "whole": -0, "number": 1E2}\n',
    )
    assert read(table) == [("1.50", 9007199254740993, 0.1), ("true", 0, 100.0)]


def test_a_number_in_json_may_have_more_digits_than_python_reads(read, folder):
    write(folder / "t.jsonl", f'{{"id": {"9" * 5000}, "name": {"9" * 5000}}}')
    refused(read, broken(folder / "t.jsonl", f"row 1, id: `{'9' * 59}…` is no integer"))


def test_nested_values_are_kept_as_the_json_that_they_are(read, folder):
    write(folder / "t.jsonl", '{"id": 1, "name": {"a": [1, 2.50, "é", null, true]}}\n')
    assert read() == [(1, '{"a": [1, 2.50, "é", null, true]}')]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", '{"id": 1, "name": "a"}\n\n{"id": 2,}\n', ", line 3: not readable as JSON: Illegal trailing comma before end of object (character 9)|, line 3: not readable as JSON: Expecting property name enclosed in double quotes (character 10)"),
        ("t.jsonl", '{"id": 1, "name": "a"}\n[2]\n', ", line 2: found a list, expected a record"),
        ("t.jsonl", '{"id": 1, "name": "a"}\n3\n', ", line 2: found a single value, expected a record"),
        ("t.jsonl", '{"id": 1, "name": "a"}\nnull\n', ", line 2: found null, expected a record"),
        ("t.jsonl", '{"id": 1, "name": "a"', ", line 1: not readable as JSON: Expecting ',' delimiter (character 22)"),
        ("t.json", '[{"id": 1,\n "name": }]', ", line 2: not readable as JSON: Expecting value (character 10)"),
        ("t.json", '[{"id": 1, "name": "a"}, 5]', ", row 2: found a single value, expected a record"),
        ("t.json", '{"data": []}', ": found a record, expected a list of records"),
        ("t.json", "", ", line 1: not readable as JSON: Expecting value (character 1)"),
        ("t.json", "[" * 100_000, ", line 1: not readable as JSON: nested too deeply"),
        ("t.jsonl", '{"id": 1, "nmae": "a"}\n', ": no column `name`, which contract.yaml lists\n  Did you mean `nmae`?  (columns: id, nmae)"),
        ("t.jsonl", '{"id": 1, "name": "\\ud800"}\n', ": `name` holds a text that is no Unicode, or nested too deeply"),
        ("t.jsonl", b'{"id": 1, "name": "\xfc"}\n', ": not readable as JSON in utf-8: 'utf-8' codec can't decode byte 0xfc in position 19: invalid start byte\n  Set the table's `encoding` in contract.yaml, such as latin-1 or cp1252."),
    ],
)  # fmt: skip
def test_a_mistake_in_json_names_its_line(read, folder, name, content, message):
    write(folder / name, content)
    with pytest.raises(ProjectError) as caught:
        read()
    assert str(caught.value).removeprefix(f"{folder}/{name}") in message.split("|")


def test_a_list_without_records_is_a_table_without_rows(read, folder):
    write(folder / "t.json", "[]")
    assert (read(), read.open().rows) == ([], 0)


# --- Parquet ----------------------------------------------------------------------------------------------------------


def parquet(path, columns, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)


NEW_YORK = datetime.timezone(datetime.timedelta(hours=-5))


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ({"type": "integer"}, pa.array([1, None], pa.int32()), [1, None]),
        ({"type": "integer"}, pa.array([1, None], pa.uint8()), [1, None]),
        ({"type": "integer"}, pa.array([1.0, None], pa.float64()), [1, None]),
        ({"type": "integer"}, pa.array(["1", ""]), [1, None]),
        ({"type": "number"}, pa.array([1, None], pa.int64()), [1.0, None]),
        ({"type": "number"}, pa.array([0.5, math.nan], pa.float32()), [0.5, None]),
        ({"type": "number"}, pa.array(["0.5", None]), [0.5, None]),
        ({"type": "number"}, pa.array([decimal.Decimal("0.50"), None]), [0.5, None]),
        ({"type": "string"}, pa.array(["a", "", None, "b"]).dictionary_encode(), ["a", None, None, "b"]),
        ({"type": "string"}, pa.array(["a", "NA"], pa.large_string()), ["a", "NA"]),
        ({"type": "string", "missingValues": ["NA"]}, pa.array(["a", "NA", ""]), ["a", None, ""]),
        ({"type": "boolean"}, pa.array([True, None]), [True, None]),
        ({"type": "date"}, pa.array([datetime.date(2013, 1, 31), None]), [pd.Timestamp("2013-01-31"), None]),
        ({"type": "datetime"}, pa.array([datetime.datetime(2013, 1, 31, 19, tzinfo=NEW_YORK)]), [pd.Timestamp("2013-02-01")]),
        ({"type": "datetime"}, pa.array([1, None], pa.timestamp("ns")), [pd.Timestamp("1970-01-01"), None]),
        ({"type": "number"}, pa.nulls(2), [None, None]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("partition_rows", [1, 100])
def test_parquet_is_brought_to_the_types_of_the_contract(read, folder, column, values, expected, partition_rows):
    parquet(folder / "t.parquet", {"x": values})
    assert [cell for (cell,) in read(resource({"name": "x", **column}), partition_rows)] == expected


@pytest.mark.parametrize("rows_a_group", [1, 2, 3, 100])
@pytest.mark.parametrize("partition_rows", [1, 2, 100])
@pytest.mark.parametrize("ids", [pa.array(range(5)), pa.array([str(number) for number in range(5)])])
def test_row_groups_and_parts_of_any_size_give_the_same_rows(read, folder, rows_a_group, partition_rows, ids):
    parquet(folder / "t.parquet", {"id": ids, "name": pa.array([*"abcde"])}, row_group_size=rows_a_group)
    assert read(partition_rows=partition_rows) == list(zip(range(5), "abcde", strict=True))


@pytest.mark.parametrize("ids", [pa.array([], pa.int64()), pa.array([], pa.string()), pa.nulls(0)])
def test_parquet_without_rows_is_a_table_without_rows(read, folder, ids):
    parquet(folder / "t.parquet", {"id": ids, "name": pa.array([], pa.string()), "more": pa.array([], pa.int8())})
    raw = read.open()
    assert (raw.rows, len(raw.parts), raw.columns_not_in_contract) == (0, 1, ["more"])
    assert [str(dtype) for dtype in whole(raw).dtypes] == ["Int64", "str"]


def test_parquet_that_pandas_wrote_with_an_index_has_one_column_more(read, folder):
    folder.mkdir()
    pd.DataFrame({"id": [1], "name": ["a"]}, index=pd.Index([7], name="key")).to_parquet(folder / "t.parquet")
    raw = read.open()
    assert rows_of(whole(raw)) == [(1, "a")]
    assert raw.columns_not_in_contract == ["key"]


def test_a_column_whose_name_has_a_dot_is_no_nested_one(read, folder):
    parquet(folder / "t.parquet", {"a": pa.array([{"b": 1}]), "a.b": pa.array([2])})
    assert read(resource({"name": "a.b", "type": "integer"})) == [(2,)]


@pytest.mark.parametrize("damage", ["no Parquet", "cut off", "empty"])
def test_parquet_that_is_none_is_one_mistake(read, folder, damage):
    parquet(folder / "t.parquet", {"id": pa.array(range(100)), "name": pa.array(["a"] * 100)})
    content = (folder / "t.parquet").read_bytes()
    write(folder / "t.parquet", {"no Parquet": b"id,name\n1,a\n", "cut off": content[:-50], "empty": b""}[damage])
    with pytest.raises(ProjectError, match=re.escape(f"{folder}/t.parquet: not readable as Parquet: ")):
        read()


@pytest.mark.parametrize("ids", [pa.array(range(5000)), pa.array([str(number) for number in range(5000)])])
def test_parquet_with_damaged_pages_is_one_mistake(read, folder, ids):
    parquet(folder / "t.parquet", {"id": ids, "name": pa.array(["a"] * 5000)}, compression="zstd")
    content = bytearray((folder / "t.parquet").read_bytes())
    content[4:400] = b"\xff" * 396
    write(folder / "t.parquet", bytes(content))
    with pytest.raises(ProjectError, match=re.escape(f"{folder}/t.parquet: not readable as Parquet: ")):
        read()


# --- several files ----------------------------------------------------------------------------------------------------


def test_files_are_read_in_the_order_of_their_names_and_number_their_rows(read, folder):
    write(folder / "b.csv", "id,name\n4,d\n")
    write(folder / "a.jsonl", '{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n{"id": 3, "name": "c"}\n')
    parquet(folder / "c" / "a.parquet", {"id": [5], "name": ["e"]})
    write(folder / "d" / "a.csv", "id,name\n6,f\n")
    write(folder / ".hidden.csv", "nonsense")
    raw = read.open(partition_rows=2)
    assert rows_of(whole(raw)) == [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f")]
    assert [(part.source, part.source_row, part.row, part.rows) for part in raw.parts] == [
        ("a.jsonl", 1, 0, 2),
        ("a.jsonl", 3, 2, 1),
        ("b.csv", 1, 3, 1),
        ("c/a.parquet", 1, 4, 1),
        ("d/a.csv", 1, 5, 1),
    ]


def test_two_files_of_one_name_in_two_folders_are_two_files(read, folder):
    for year in (2013, 2014):
        write(folder / str(year) / "t.csv", f"id,name\n{year},a\n")
    assert read() == [(2013, "a"), (2014, "a")]


def test_files_without_rows_leave_no_empty_part(read, folder):
    for name, rows in (("a", ""), ("b", "1,a\n"), ("c", "")):
        write(folder / f"{name}.csv", "id,name\n" + rows)
    assert [(part.source, part.rows) for part in read.open().parts] == [("b.csv", 1)]


def test_no_files_are_told(read, folder):
    refused(read, f"{folder}: no files\n  `access` writes them: run `dvc repro access`.")


@pytest.mark.parametrize(
    ("name", "more", "problem"),
    [
        ("t.xml", {}, "found `.xml`, no format that is read"),
        ("t.csv.zip", {}, "found `.zip`, no format that is read"),
        ("t", {}, "found ``, no format that is read"),
        ("t.csv", {"format": "cvs"}, "found `cvs`, no format that is read\n  Did you mean `csv`?"),
    ],
)
def test_a_format_that_is_not_read_is_told(read, folder, name, more, problem):
    write(folder / name, "x")
    with pytest.raises(ProjectError, match="^" + re.escape(f"{folder}/{name}: {problem}")):
        read(resource(ID, NAME, **more))


# --- what breaks the contract -----------------------------------------------------------------------------------------

STRICT = resource(
    {"name": "id", "type": "integer", "constraints": {"required": True, "minimum": 0}},
    {"name": "name", "type": "string", "personal": True, "constraints": {"maxLength": 3}},
)


def broken(where, *lines, count=None):
    head = f"{count} values break" if count else "1 value breaks" if len(lines) == 1 else f"{len(lines)} values break"
    shown = f"; the first {len(lines)}" if count else ""
    return "\n  ".join([f"{where}: {head} contract.yaml{shown}:", *lines, REMEDY])


@pytest.mark.parametrize("partition_rows", [1, 2, 100])
@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet of text", "parquet"])
def test_what_breaks_the_contract_is_told_by_row_and_column(read, folder, form, partition_rows):
    ids, names = ["1", "-2", "", "4"], ["Ada", "Grace", "Al", ""]
    records = [{"id": int(i) if i else None, "name": name} for i, name in zip(ids, names, strict=True)]
    match form:
        case "csv":
            content = "id,name\n" + "".join(f"{i},{name}\n" for i, name in zip(ids, names, strict=True))
        case "jsonl":
            content = "\n\n".join(map(json.dumps, records))
        case "json":
            content = json.dumps(records)
        case "parquet of text":
            parquet(folder / "t.parquet", {"id": ids, "name": names}, row_group_size=3)
        case "parquet":
            parquet(folder / "t.parquet", {"id": [record["id"] for record in records], "name": names}, row_group_size=3)
    name = f"t.{form.split()[0]}"
    if not form.startswith("parquet"):
        write(folder / name, content)
    lines = [
        "row 2, id: `-2` is under the minimum 0",
        "row 2, name: ••• is longer than 3",
        "row 3, id: is missing, but required",
    ]
    refused(lambda: read(STRICT, partition_rows), broken(folder / name, *lines))


def test_unreadable_cells_of_a_personal_column_are_masked(read, folder):
    write(folder / "t.csv", "id,age\n1,forty\n")
    people = resource(ID, {"name": "age", "type": "integer", "personal": True})
    refused(lambda: read(people), broken(folder / "t.csv", "row 1, age: ••• is no integer"))


@pytest.mark.parametrize("partition_rows", [3, 100])
def test_all_are_counted_across_parts_and_files_and_the_first_ten_are_shown(read, folder, partition_rows):
    write(folder / "a.csv", "id,name\n" + "x,a\n" * 7)
    write(folder / "b.csv", "id,name\n1,a\n")
    write(folder / "c.csv", "id,name\n1,a\n" + "y,a\n" * 7)
    lines = [f"a.csv, row {row}, id: `x` is no integer" for row in range(1, 8)]
    lines += [f"c.csv, row {row}, id: `y` is no integer" for row in range(2, 5)]
    refused(lambda: read(TABLE, partition_rows), broken(folder, *lines, count=14))


def test_what_breaks_the_contract_in_one_of_several_files_names_that_file(read, folder):
    write(folder / "a.csv", "id,name\n1,a\n")
    write(folder / "b.csv", "id,name\nx,a\n")
    refused(read, broken(folder / "b.csv", "row 1, id: `x` is no integer"))


# --- frictionless agrees ----------------------------------------------------------------------------------------------

CONTRACT = resource(
    {"name": "id", "type": "integer", "constraints": {"required": True}},
    {"name": "share", "type": "number", "constraints": {"minimum": 0, "maximum": 1}},
    {"name": "code", "type": "string", "constraints": {"pattern": "[A-Z]{2}"}},
    {"name": "day", "type": "date"},
    schema={"missingValues": ["", "NA"]},
)
COLUMNS = CONTRACT.columns()


def write_form(folder, form, records):
    path = folder / f"t.{form}"
    text = "".join(",".join("" if v is None else str(v) for v in record.values()) + "\n" for record in records)
    match form:
        case "csv":
            write(path, ",".join(COLUMNS) + "\n" + text)
        case "csv.gz":
            write(path, gzip.compress((",".join(COLUMNS) + "\n" + text).encode()))
        case "jsonl.gz":
            write(path, gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode()))
        case "parquet":
            columns = {name: [record[name] for record in records] for name in COLUMNS}
            days = [None if day is None else datetime.date.fromisoformat(day) for day in columns["day"]]
            parquet(path, columns | {"day": pa.array(days, pa.date32()), "id": pa.array(columns["id"], pa.int64())})


def frictionless_finds(folder, form):
    content = json.loads(CONTRACT.model_dump_json(by_alias=True, exclude_defaults=True))
    with system.use_context(trusted=True):
        report = FrictionlessResource.from_descriptor(content | {"path": str(folder / f"t.{form}")}).validate()
    return sorted(
        (row - (0 if form in ("jsonl.gz", "parquet") else 1), name)
        for row, name in report.flatten(["rowNumber", "fieldName"])
        if row
    )


def we_find(read):
    try:
        read(CONTRACT)
    except ProjectError as mistake:
        return sorted((int(row), name) for row, name in re.findall(r"^  row (\d+), (\w+):", str(mistake), re.M))
    return []


FORMS = ["csv", "csv.gz", "jsonl.gz", "parquet"]
RECORD = {"id": 1, "share": 0.5, "code": "AB", "day": "2013-01-31"}


@pytest.mark.parametrize("form", FORMS)
def test_good_data_pass_both(read, folder, form):
    write_form(folder, form, [RECORD, {"id": 2, "share": 1, "code": None, "day": None}])
    assert we_find(read) == frictionless_finds(folder, form) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_number_is_within_bounds_though_frictionless_sees_it_outside_in_parquet(read, folder, form):
    write_form(folder, form, [RECORD, RECORD | {"share": None}])
    assert we_find(read) == []
    assert {name for _, name in frictionless_finds(folder, form)} == ({"share"} if form == "parquet" else set())


@pytest.mark.parametrize("form", FORMS)
def test_bad_data_fail_both_at_the_same_cells(read, folder, form):
    write_form(folder, form, [RECORD, RECORD | {"id": None}, RECORD | {"share": 1.5}, RECORD | {"code": "ab"}])
    assert we_find(read) == [(2, "id"), (3, "share"), (4, "code")]
    assert [name for _, name in frictionless_finds(folder, form)] == ["id", "share", "code"]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "jsonl.gz"])
def test_text_that_is_no_value_of_its_type_fails_both(read, folder, form):
    write_form(folder, form, [RECORD, RECORD | {"id": "x", "day": "31.01.2013"}, RECORD | {"share": "half"}])
    assert we_find(read) == [(2, "day"), (2, "id"), (3, "share")]
    assert sorted(name for _, name in frictionless_finds(folder, form)) == ["day", "id", "share"]


# --- any cutting gives the same table ---------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=4)


@settings(max_examples=25)
@given(
    rows=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), texts), max_size=12), partition_rows=st.integers(1, 13)
)
def test_what_is_written_as_csv_is_read_back_whatever_the_parts(tmp_path_factory, rows, partition_rows):
    folder = tmp_path_factory.mktemp("any")
    (folder / "raw").mkdir()
    pd.DataFrame(rows, columns=["id", "name"]).to_csv(folder / "raw" / "t.csv", index=False)
    raw = open_raw(TABLE, folder / "raw", folder, partition_rows)
    assert rows_of(whole(raw)) == [(number, name or None) for number, name in rows]
    assert all(0 < part.rows <= partition_rows for part in raw.parts) or not rows


pieces = st.sampled_from(
    [b"id", b"name", b",", b'"', b"\n", b"\r\n", b"1", b"\x00", b"\xff", b"\xef\xbb\xbf", b" ", b"\t", b"{", b"}", b"[", b"]", b":",
     b'{"id": 1, "name": "a"}', b'"id":', b'"\\ud800"', b"null", b"NaN", b"1e999", b"-", b"PAR1", b"id,name\n1,a\n"]
)  # fmt: skip


@settings(max_examples=60)
@given(content=st.lists(pieces, max_size=12).map(b"".join), form=st.sampled_from(["csv", "jsonl", "json", "parquet"]))
def test_whatever_a_file_holds_is_a_table_or_one_mistake(tmp_path_factory, content, form):
    folder = tmp_path_factory.mktemp("any")
    write(folder / "raw" / f"t.{form}", content)
    try:
        rows = whole(open_raw(TABLE, folder / "raw", folder, 2))
    except ProjectError as mistake:
        assert mistake.where.startswith(str(folder))
    else:
        if form == "csv":
            assert len(rows) == sum(map(bool, csv.reader(io.StringIO(content.decode(), newline="")))) - 1
