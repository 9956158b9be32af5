"""The ready data give back the same values and types in every format."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ProjectError
from pipeline.ready import SUFFIXES, part_path, read_ready, write_ready_part, write_schema

FORMATS = list(SUFFIXES)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flight": pd.array([1545, None, 2**62], dtype="Int64"),
            "wind": [0.1, np.nan, 1e-300],
            "carrier": pd.array(['a,"\nb', None, ""], dtype="str"),
            "late": pd.array([True, None, False], dtype="boolean"),
            "time_hour": pd.array(["2013-01-01 05:00:00.000001", None, "1899-12-31"], dtype="datetime64[us]"),
            "Größe (m)": [1.0, 2.0, 3.0],
        }
    )


def write(frames: list[pd.DataFrame], folder, format: str):
    (folder / "train").mkdir(parents=True, exist_ok=True)
    write_schema(frames[0], folder)
    for number, frame in enumerate(frames):
        write_ready_part(frame, part_path(folder / "train", number, format))
    return folder / "train"


@pytest.mark.parametrize("format", FORMATS)
def test_values_and_types_come_back(format, tmp_path):
    pd.testing.assert_frame_equal(read_ready(write([table()], tmp_path, format)), table(), check_exact=True)


@pytest.mark.parametrize("format", FORMATS)
def test_parts_are_read_in_order_and_one_may_be_empty(format, tmp_path):
    parts = [table().iloc[:1], table().iloc[:0], table().iloc[1:]]
    pd.testing.assert_frame_equal(read_ready(write(parts, tmp_path, format)), table(), check_exact=True)


@pytest.mark.parametrize("format", FORMATS)
def test_columns_come_in_the_order_asked_for(format, tmp_path):
    columns = ["late", "flight"]
    found = read_ready(write([table()], tmp_path, format), columns)
    pd.testing.assert_frame_equal(found, table()[columns], check_exact=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            st.none() | st.integers(-(2**63), 2**63 - 1),
        ),
        max_size=5,
    )
)
def test_every_number_and_text_comes_back(tmp_path_factory, rows):
    frame = pd.DataFrame(
        {
            "x": np.array([np.nan if row[0] is None else row[0] for row in rows], dtype=float),
            "s": pd.array([row[1] for row in rows], dtype="str"),
            "i": pd.array([row[2] for row in rows], dtype="Int64"),
        }
    )
    for format in FORMATS:
        found = read_ready(write([frame], tmp_path_factory.mktemp("ready"), format))
        pd.testing.assert_frame_equal(found, frame, check_exact=True)
        assert np.signbit(found["x"]).equals(np.signbit(frame["x"]))


def test_csv_quotes_text_and_leaves_missing_cells_empty(tmp_path):
    folder = write([table()[["flight", "carrier", "late"]].iloc[1:]], tmp_path, "csv")
    assert (folder / "part-00000.csv").read_text() == '"flight","carrier","late"\n,,\n4611686018427387904,"",false\n'


def test_json_has_a_line_a_row(tmp_path):
    folder = write([table()[["flight", "wind", "time_hour"]].iloc[:2]], tmp_path, "json")
    assert (folder / "part-00000.jsonl").read_text() == (
        '{"flight":1545,"wind":0.1,"time_hour":"2013-01-01T05:00:00.000001"}\n'
        '{"flight":null,"wind":null,"time_hour":null}\n'
    )


def test_infinite_numbers_are_refused_in_json_only(tmp_path):
    frame = pd.DataFrame({"wind": [np.inf, -np.inf]})
    for format in ("parquet", "csv"):
        pd.testing.assert_frame_equal(read_ready(write([frame], tmp_path / format, format)), frame, check_exact=True)
    with pytest.raises(ProjectError, match="`wind` holds infinite numbers, which JSON has not"):
        write([frame], tmp_path / "json", "json")
    assert not (tmp_path / "json/train/part-00000.jsonl").exists()


def test_absent_data_and_columns_are_named(tmp_path):
    with pytest.raises(ProjectError, match=r"schema.json: no such file\n  Run `dvc repro serve`"):
        read_ready(tmp_path / "train")
    folder = write([table()], tmp_path, "csv")
    with pytest.raises(ProjectError, match=r"no column `wint`\n  Did you mean `wind`\?"):
        read_ready(folder, ["wint"])
    (folder / "part-00000.csv").unlink()
    with pytest.raises(ProjectError, match="no parts"):
        read_ready(folder)
