"""Bodies become rows with the contract's types, or a refusal that names row and field."""

import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.service import reading
from pipeline.service.reading import CSV, JSON, PARQUET, read_body
from pipeline.service.refusals import RefusedError
from service_bundle import COLUMNS, make_bundle, opened, ready
from small import rows_of

ROW = {
    "clock": 930,
    "shop": "north",
    "street": "Elm",
    "wind": 4.5,
    "sale": True,
    "since": "2025-03-15",
    "shops_area": 1,
}
READ = (930, "north", "Elm", 4.5, True, pd.Timestamp("2025-03-15"), 1.0)
TEXT = "id,clock,shop,street,wind,sale,since,shops_area\n7,930,north,Elm,4.5,true,2025-03-15,1\n"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return opened(make_bundle(tmp_path_factory.mktemp("reading") / "bundle")).inputs


def read(inputs, value):
    return read_body(json.dumps(value).encode(), JSON, inputs).table


def refused(inputs, body, form=JSON, status=422):
    """The words of a refusal: its detail, and a line a cell."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    with pytest.raises(RefusedError) as caught:
        read_body(content, form, inputs)
    assert caught.value.status == status
    shown = caught.value.content()
    return [shown["detail"], *(tuple(error.values()) for error in shown["errors"])]


def parquet(table):
    target = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False), target)
    return target.getvalue()


@pytest.mark.parametrize("body", [ROW, [ROW], {"rows": [ROW]}])
def test_one_row_a_list_of_rows_and_an_object_with_rows_are_read(inputs, body):
    table = read(inputs, body)
    assert rows_of(table) == [READ]
    assert [str(dtype) for dtype in table.dtypes] == [
        "Int64", "str", "str", "float64", "boolean", "datetime64[us]", "float64",
    ]  # fmt: skip


def test_what_is_left_out_null_or_a_missing_value_of_the_contract_is_missing(inputs):
    table = read(inputs, [{"sale": False}, {"sale": False, "wind": None, "street": "NA", "shop": None}])
    assert rows_of(table) == [(None, None, None, None, False, None, None)] * 2


def test_a_value_of_another_kind_is_told_with_its_row_and_field(inputs):
    wrong = ROW | {"clock": "930", "wind": True, "street": 3, "sale": 1, "since": "yesterday"}
    assert refused(inputs, [ROW, wrong])[1:] == [
        (2, "clock", "`930` is not a whole number", ""),
        (2, "street", "`3` is not text", ""),
        (2, "wind", "`true` is not a number", "0 to 60 m/s"),
        (2, "sale", "`1` is not true or false", ""),
        (2, "since", "`yesterday` is not a time such as 2013-01-31T05:00:00, or a day", ""),
    ]


def test_the_allowed_range_and_the_nearest_category_are_told(inputs):
    assert refused(inputs, [ROW | {"wind": 61.5, "shop": "nroth"}, ROW | {"sale": None}]) == [
        "3 values are not as the contract says.",
        (1, "shop", "`nroth` is none of north, south, west", "Did you mean `north`?  (allowed: north, south, west)"),
        (1, "wind", "`61.5` is over the maximum 60", "Allowed: 0 to 60 m/s"),
        (2, "sale", "is missing, but required", ""),
    ]


def test_an_unknown_field_is_told_with_the_nearest(inputs):
    assert refused(inputs, ROW | {"wnd": 3})[1][:3] == (1, "wnd", "no such field")
    assert refused(inputs, ROW | {"wnd": 3})[1][3].startswith("Did you mean `wind`?")


def test_only_the_first_ten_cells_are_told_but_all_are_counted(inputs):
    told = refused(inputs, [ROW | {"wind": -1}] * 25)
    assert told[0] == "25 values are not as the contract says; the first 10 of them are told."
    assert [error[0] for error in told[1:]] == list(range(1, 11))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"nul", b'{"sale": NaN}', b"[" * 100_000, b"1" * 5000, b"3", b"[3]", b"[]", b'{"rows": []}',
        b'{"sale": true, "wind": 1e999}', b'{"sale": true, "clock": 9223372036854775808}', b'{"sale": true, "clock": 1.5}',
        b'{"sale": true, "street": "\\ud800"}', b'{"sale": true, "\\ud800": 1}', b'{"sale": true, "since": "2025-13-01"}',
        b'{"sale": true, "since": ""}', b'{"sale": true, "shop": ""}',
    ],
)  # fmt: skip
def test_what_is_no_row_is_refused(inputs, body):
    assert json.dumps(refused(inputs, body)).isascii()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(COLUMNS) | st.text(), inner),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(inputs, value):
    try:
        read_body(json.dumps(value).encode(), JSON, inputs)
    except RefusedError as refusal:
        json.dumps(refusal.content(), ensure_ascii=False).encode()


@given(
    st.binary(max_size=200) | st.text(alphabet='",\n\rab1\x00', max_size=60).map(lambda text: (TEXT + text).encode())
)
def test_any_bytes_are_read_or_refused(inputs, content):
    for form in (CSV, PARQUET, JSON):
        try:
            read_body(content, form, inputs)
        except RefusedError as refusal:
            json.dumps(refusal.content(), ensure_ascii=False).encode()


def test_csv_is_read_with_its_other_columns_kept(inputs):
    body = read_body(TEXT.encode(), CSV, inputs)
    assert rows_of(body.table) == [READ]
    assert body.given[1][0] == "7"


def test_a_file_may_come_from_excel_with_a_mark_at_its_beginning_and_other_ends_of_line(inputs):
    assert rows_of(read_body(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), CSV, inputs).table) == [READ]


def test_an_empty_cell_of_a_file_and_one_that_means_missing_are_missing(inputs):
    text = TEXT.replace("4.5", "NA").replace("Elm", "")
    assert rows_of(read_body(text.encode(), CSV, inputs).table)[0][2:4] == (None, None)


def test_a_file_must_have_all_columns_once_and_rows_of_one_length(inputs):
    assert refused(inputs, TEXT.replace("wind", "winds"), CSV)[1] == (
        None, "wind", "this column is missing", "Did you mean `winds`?  (columns that are not asked for: id, winds)",
    )  # fmt: skip
    assert refused(inputs, TEXT.replace("id,", "shop,"), CSV)[1][1:3] == ("shop", "stands twice in the header")
    assert refused(inputs, TEXT + "8,930\n", CSV)[1][:3] == (2, None, "has 2 cells, the header 8")


def test_a_wrong_cell_of_a_file_is_told_with_its_row(inputs):
    assert refused(inputs, TEXT.replace("4.5", "4,5").replace("4,5", '"4,5"'), CSV)[1] == (
        1, "wind", "`4,5` is not a number", "0 to 60 m/s",
    )  # fmt: skip


def test_parquet_is_read_typed_or_as_text(inputs):
    table = ready()
    expected = rows_of(table[COLUMNS])
    assert rows_of(read_body(parquet(table), PARQUET, inputs).table) == expected
    assert rows_of(read_body(parquet(table.astype("str")), PARQUET, inputs).table) == expected


def test_csv_parquet_and_json_of_the_same_rows_are_the_same_table(inputs):
    table = ready()[COLUMNS]
    lines = json.loads(table.to_json(orient="records", date_format="iso"))
    parts = [read_body(parquet(table), PARQUET, inputs), read_body(table.to_csv(index=False).encode(), CSV, inputs)]
    for body in [*parts, read_body(json.dumps(lines).encode(), JSON, inputs)]:
        pd.testing.assert_frame_equal(body.table, table)


def test_infinite_numbers_in_parquet_are_told(inputs):
    table = ready().assign(shops_area=float("inf"))[:1]
    assert refused(inputs, parquet(table), PARQUET)[1] == (1, "shops_area", "`inf` is infinite", "")


def test_too_many_rows_are_refused_in_each_form(inputs, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ROWS", 3)
    table = ready()[:4]
    for content, form in ((table.to_csv().encode(), CSV), (parquet(table), PARQUET), (b"[1,1,1,1]", JSON)):
        assert refused(inputs, content, form, 413) == [
            "At most 3 rows are taken at once; send them in several requests."
        ]


def test_a_small_parquet_file_with_a_huge_table_in_it_is_refused(inputs, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 100_000)
    huge = pa.table({name: pa.array(["x" * 100_000] * 50).dictionary_encode() for name in COLUMNS})
    content = parquet(huge)
    assert len(content) < 100_000
    assert "bytes" in refused(inputs, content, PARQUET, 413)[0]
