"""A table is a folder of Parquet parts: written with the same bytes each time, read back with the same dtypes."""

import hashlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import tables
from pipeline.errors import ProjectError
from pipeline.tables import (
    column_names,
    count_rows,
    map_parts,
    part_path,
    part_paths,
    read_part,
    read_table,
    write_part,
)
from small import frame, rows_of

ALL = {"i": "integer", "n": "number", "s": "string", "b": "boolean", "t": "datetime"}
ROWS = [(2**53 + 1, 0.1, "é", True, pd.Timestamp("2013-01-31 12:00:00.000001")), (None, None, None, None, None)]


def test_a_part_is_read_back_as_it_was(tmp_path):
    table = frame(ALL, *ROWS)
    write_part(table, tmp_path / "part.parquet")
    pd.testing.assert_frame_equal(read_part(tmp_path / "part.parquet"), table)


def test_plain_pandas_reads_the_same_dtypes(tmp_path):
    table = frame(ALL, *ROWS)
    write_part(table, tmp_path / "part.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "part.parquet"), table)


def test_a_part_without_rows_keeps_its_dtypes(tmp_path):
    write_part(frame(ALL), tmp_path / "part.parquet")
    assert read_part(tmp_path / "part.parquet").dtypes.tolist() == frame(ALL).dtypes.tolist()
    assert pd.read_parquet(tmp_path / "part.parquet").dtypes.tolist() == frame(ALL).dtypes.tolist()


def test_the_index_is_left_out_and_the_bytes_are_the_same_each_time(tmp_path):
    for name, index in (("a", None), ("b", [7, 3])):
        write_part(frame(ALL, *ROWS, index=index), tmp_path / name)
    first, second = (hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "ab")
    assert first == second


def test_columns_come_in_the_order_asked_for(tmp_path):
    write_part(frame({"a": "integer", "b.c": "integer"}, (1, 2)), tmp_path / "part.parquet")
    assert rows_of(read_part(tmp_path / "part.parquet", ["b.c", "a"])) == [(2, 1)]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (pa.array([1, None], pa.int32()), "Int64"),
        (pa.array(["a", None], pa.large_string()), "str"),
        (pa.array([0, None], pa.timestamp("ns")), "datetime64[us]"),
        (pa.array([True, None]), "boolean"),
        (pa.array([0.5, None]), "float64"),
    ],
)
def test_the_widths_of_arrow_do_not_matter(tmp_path, values, dtype):
    pq.write_table(pa.table({"x": values}), tmp_path / "part.parquet")
    assert str(read_part(tmp_path / "part.parquet")["x"].dtype) == dtype


def test_a_table_is_its_parts_in_order(tmp_path):
    for number in (100_000, 2, 99_999):
        write_part(frame({"x": "integer"}, (number,), (None,)), part_path(tmp_path, number))
    assert [path.name for path in part_paths(tmp_path)] == [
        "part-00002.parquet",
        "part-99999.parquet",
        "part-100000.parquet",
    ]
    assert rows_of(read_table(tmp_path)) == [(2,), (None,), (99_999,), (None,), (100_000,), (None,)]
    assert read_table(tmp_path).index.tolist() == [0, 1, 2, 3, 4, 5]
    assert (count_rows(tmp_path), column_names(tmp_path)) == (6, ["x"])


def test_a_table_that_is_not_there_is_told(tmp_path):
    message = f"{tmp_path}: no table\n  The stage before writes it: run `dvc repro`."
    with pytest.raises(ProjectError, match=f"^{re.escape(message)}$"):
        read_table(tmp_path)


@pytest.mark.parametrize("processors", [1, 2, 5])
def test_results_keep_the_order_of_the_parts(monkeypatch, processors):
    monkeypatch.setattr(tables, "_processors", lambda: processors)
    later = threading.Event()

    def work(number):
        if number == 0 and processors > 1:
            assert later.wait(10)
        later.set()
        return number * number

    assert map_parts(work, range(20)) == [number * number for number in range(20)]


def test_nothing_to_do_gives_nothing():
    assert map_parts(str, []) == []


def test_an_error_comes_out_and_what_waits_is_not_begun(monkeypatch):
    begun, stopped = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            stopped.set()
            super().shutdown(wait=wait)

    def work(number):
        begun.append(number)
        if number == 1:
            raise ProjectError("part", "broken")
        assert number == 0 or stopped.wait(10)
        return number

    monkeypatch.setattr(tables, "_processors", lambda: 1)
    monkeypatch.setattr(tables, "ThreadPoolExecutor", Pool)
    with pytest.raises(ProjectError, match=r"^part: broken$"):
        map_parts(work, range(1000))
    assert begun in ([0, 1], [0, 1, 2])


def test_progress_is_shown_on_a_terminal_only(capsys, monkeypatch):
    map_parts(str, [1, 2], "clean flights")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    map_parts(str, [1, 2], "clean flights")
    assert capsys.readouterr().err == "\rclean flights: part 1 of 2\rclean flights: part 2 of 2\n"
